#!/usr/bin/python3
"""Stands in for pipelock in tests of the launcher: reads where to listen from its configuration,
writes what it sees of the world to stderr as one JSON object, and answers GET /health."""

import http.server
import json
import os
import re
import socket
import sys


class Health(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def address_of(name):
    try:
        return socket.gethostbyname(name)
    except OSError as error:
        return str(error)


def main():
    if sys.argv[1:3] != ["run", "-c"]:
        sys.exit("expected: run -c FILE")
    with open(sys.argv[3]) as config:
        port = int(re.search(r'listen: "127\.0\.0\.1:(\d+)"', config.read()).group(1))
    with open(os.environ["SSL_CERT_FILE"]) as file:
        roots = file.read()
    seen = {"environment": sorted(set(os.environ) - {"LC_CTYPE"}), "roots": roots[-200:],
            "origin.test": address_of("origin.test")}
    print(json.dumps(seen), file=sys.stderr, flush=True)
    http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()


if __name__ == "__main__":
    main()
