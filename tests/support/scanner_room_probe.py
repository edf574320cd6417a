#!/usr/bin/python3
"""Reports in what room the launcher starts pipelock: it is started in pipelock's place, reads where to listen from
pipelock's configuration, writes what it sees of the world to stderr as one JSON object, and answers GET /health. A test
that wants more starts a copy with words in MODES: probe-PORT (try that port of the loopback addresses) and
scanner-dies (soon).

It scans and forwards nothing: the stand-in for what pipelock does is tests/go/double. This one is a script so that the
launcher's unit tests need no program of Go."""

import http.server
import json
import os
import re
import socket
import sys
import threading

MODES = ""


class Health(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def content(path):
    with open(path) as file:
        return file.read()


def attempt(address, port):
    try:
        socket.create_connection((address, port), timeout=2).close()
        return "connected"
    except OSError as error:
        return type(error).__name__


def ask_for_a_name(address):
    """Whether something is there to take a question."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
        question.settimeout(0.2)
        try:
            question.connect((address, 53))
            question.send(b"?")
            question.recv(1)
        except socket.timeout:
            return "taken"
        except OSError as error:
            return type(error).__name__
    return "answered"


def main():
    if sys.argv[1:3] != ["run", "-c"]:
        sys.exit("expected: run -c FILE")
    config = content(sys.argv[3])
    port = int(re.search(r'listen: "127\.0\.0\.1:(\d+)"', config).group(1))
    open(re.search(r'file: "([^"]+)"', config).group(1), "a").write("its own log\n")
    seen = {
        "environment": sorted(set(os.environ) - {"LC_CTYPE"}),
        "roots": content(os.environ["SSL_CERT_FILE"]),
        "resolv.conf": content("/etc/resolv.conf"),
        "nsswitch.conf": content("/etc/nsswitch.conf"),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "root": sorted(os.listdir("/")),
        "etc": sorted(os.listdir("/etc")),
        "own": sorted(os.listdir("/pipelock")),
        "ports": {"%s:%d" % (address, number): attempt(address, number)
                  for number in (443, 80, *map(int, re.findall(r"probe-(\d+)", MODES)))
                  for address in ("127.0.0.1", "127.0.0.2")},
        "world": attempt("192.0.2.1", 80),
        "names": ask_for_a_name("127.0.0.2"),
        "input is nothing": os.path.samestat(os.fstat(0), os.stat("/dev/null")),
    }
    print(json.dumps(seen), file=sys.stderr, flush=True)
    if "scanner-dies" in MODES:
        threading.Timer(1.0, os._exit, (3,)).start()
    http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()


if __name__ == "__main__":
    main()
