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
import urllib.request

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
    parser.add_argument("--pipelock-sockets")
    parser.add_argument("--listen-tls")
    parser.add_argument("--listen-http")
    parser.add_argument("--names")
    parser.add_argument("--exit-listen", action="append", default=[])
    parser.add_argument("--exit-names")
    parser.add_argument("--secrets")
    parser.add_argument("--seen")
    parser.add_argument("--control")
    return parser.parse_args()


def ask(url):
    """What --healthcheck does."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5).close()
    except OSError as error:
        sys.exit("bottle-proxy: %s: %s" % (url, error))
    sys.exit(0)


def fd_of(text):
    if not text.startswith("fd:"):
        sys.exit("expected fd:N, got " + text)
    return int(text[3:])


def health_of_pipelock(options):
    """Asked for with a socket that the broker gives, as the real one does."""
    broker = socket.socket(fileno=os.dup(fd_of(options.pipelock_sockets)))
    try:
        broker.send(b"s")
        _, descriptors, _, _ = socket.recv_fds(broker, 1, 1)
        if not descriptors:
            return "no socket"
        with socket.socket(fileno=descriptors[0]) as connection:
            connection.settimeout(5)
            host, port = options.pipelock.rsplit("/", 1)[1].split(":")
            connection.connect((host, int(port)))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return connection.recv(15).decode()
    except OSError as error:
        return type(error).__name__
    finally:
        broker.close()


def serve(listener, options):
    while True:
        connection, _ = listener.accept()
        body = "fake proxy"
        if options.pipelock_sockets:
            body += ", pipelock: " + health_of_pipelock(options)
        head = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall((head + body).encode())
        connection.close()


def main():
    if sys.argv[1] == "--check-config":
        sys.exit(0)
    if sys.argv[1] == "--healthcheck":
        ask(sys.argv[2])
    options = arguments()
    # A test steers this stand-in through the allowlist, the only free text it has.
    modes = {host.split(".")[0] for host in options.allow if host.endswith(".mode.test")}
    if "refuse-to-start" in modes:
        sys.exit("fake proxy: refusing to start, as asked")
    secrets = []
    if options.secrets:
        with os.fdopen(fd_of(options.secrets)) as lines:
            secrets = [one for one in map(json.loads, lines) if "name" in one]
    for path in (options.ca_out, options.bundle_out):
        with open(path, "w") as out:
            out.write(CERTIFICATE)
    with open(options.audit, "a") as out:
        out.write(json.dumps({"verdict": "allowed", "secrets": secrets, "pid": os.getpid(),
                              "environment": sorted(os.environ), "argv": sys.argv}) + "\n")
        if "refused" in modes:
            out.write(json.dumps({"verdict": "refused"}) + "\n")
    for given in filter(None, (options.listen, options.listen_tls, options.listen_http)):
        listener = socket.socket(fileno=fd_of(given))
        listener.setblocking(True)
        threading.Thread(target=serve, args=(listener, options), daemon=True).start()
    print("bottle-proxy ready listen=127.0.0.1:%d ca_sha256=AA:BB:CC" % 3128,
          flush=True)
    if "die-soon" in modes:
        os._exit(3)
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
