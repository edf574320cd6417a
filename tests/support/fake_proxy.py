#!/usr/bin/python3
"""Stands in for bottle-proxy in tests of the launcher: takes its command line, writes a CA and a
bundle, says that it is ready, and answers every connection on the inherited socket with one line of
HTTP. Hosts of its allowlist that end in .mode.test tell it to misbehave."""

import argparse
import json
import os
import signal
import socket
import sys
import threading

# Any certificate will do: nothing here speaks TLS.
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUJ6XWbVfGrjvZQ0zu2Bq0m0f3m0EwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----
"""


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--ca-names", required=True)
    parser.add_argument("--ca-out", required=True)
    parser.add_argument("--bundle-out", required=True)
    parser.add_argument("--audit", required=True)
    parser.add_argument("--bottle-id", required=True)
    parser.add_argument("--allow", action="append", default=[])
    parser.add_argument("--route", action="append", default=[])
    parser.add_argument("--resolve", action="append", default=[])
    parser.add_argument("--allow-address", action="append", default=[])
    parser.add_argument("--origin-ca")
    parser.add_argument("--pipelock")
    parser.add_argument("--secrets")
    return parser.parse_args()


def fd_of(text):
    if not text.startswith("fd:"):
        sys.exit("expected fd:N, got " + text)
    return int(text[3:])


def serve(listener):
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfake proxy")
        connection.close()


def main():
    options = arguments()
    # What a test wants from this stand-in travels in the allowlist, the only free text it has.
    modes = {host.split(".")[0] for host in options.allow if host.endswith(".mode.test")}
    if "refuse-to-start" in modes:
        sys.exit("fake proxy: refusing to start, as asked")
    secrets = []
    if options.secrets:
        with os.fdopen(fd_of(options.secrets)) as lines:
            secrets = [json.loads(line) for line in lines]
    for path in (options.ca_out, options.bundle_out):
        with open(path, "w") as out:
            out.write(CERTIFICATE)
    with open(options.audit, "a") as out:
        out.write(json.dumps({"verdict": "allowed", "secrets": secrets, "pid": os.getpid(),
                              "environment": sorted(os.environ), "argv": sys.argv}) + "\n")
        if "refused" in modes:
            out.write(json.dumps({"verdict": "refused"}) + "\n")
    listener = socket.socket(fileno=fd_of(options.listen))
    listener.setblocking(True)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    print("bottle-proxy ready listen=127.0.0.1:%d ca_sha256=AA:BB:CC" % listener.getsockname()[1],
          flush=True)
    if "die-soon" in modes:
        os._exit(3)
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
