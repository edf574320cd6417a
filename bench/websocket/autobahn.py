#!/usr/bin/env python3
"""Autobahn's cases, run by kosoku, against echo servers: once straight, once through bottle-proxy.

  autobahn.py --proxy build/release/bottle-proxy [--case 1.* ...] [--origin websockets] [--origin ws]

Prints one row for each group of cases, and each case that is worse than without the proxy. Exit status 1 if there is
one. kosoku and websockets are Python packages, ws is one of Node's; see README.md."""
import argparse
import asyncio
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
GROUPS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "12.*", "13.*"]
ORIGIN = "ws.test"
# From the best on. A result that is worse than in the control run is a finding.
RANK = {"OK": 0, "INFORMATIONAL": 0, "NON-STRICT": 1, "UNIMPLEMENTED": 1, "UNCLEAN": 2, "WRONG CODE": 2, "FAILED": 3,
        "FAILED BY CLIENT": 3, "ERROR": 4}


def free_port():
    import socket
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def first_line(process, word):
    while True:
        line = (await process.stdout.readline()).decode()
        if not line:
            raise SystemExit("a program ended before it was ready")
        if word in line:
            return line


async def start_origin(name, port):
    command = {"websockets": [sys.executable, str(HERE / "echo_websockets.py")], "ws": ["node", str(HERE / "echo_ws.js")]}[name]
    process = await asyncio.create_subprocess_exec(*command, "127.0.0.1", str(port), stdout=subprocess.PIPE,
                                                   stderr=subprocess.DEVNULL)
    await first_line(process, "ready")
    return process


async def start_proxy(program, port, directory):
    process = await asyncio.create_subprocess_exec(
        program, "--listen", "127.0.0.1:0", "--ca-out", f"{directory}/ca.pem", "--bundle-out", f"{directory}/bundle.pem",
        "--audit", f"{directory}/audit.jsonl", "--upstream", "direct", "--allow", f"{ORIGIN}:{port}", "--allow-address",
        "127.0.0.0/8", "--resolve", f"{ORIGIN}:{port}=127.0.0.1:{port}", stdout=subprocess.PIPE)
    line = await first_line(process, "bottle-proxy ready ")
    return process, re.search(r"listen=\S+:(\d+)", line).group(1)


class Tunnel:
    """A port whose connections go through the proxy: kosoku itself knows no proxies."""

    def __init__(self, proxy_port, origin_port):
        self.proxy_port, self.origin = proxy_port, f"{ORIGIN}:{origin_port}"

    async def start(self):
        self.server = await asyncio.start_server(self.connection, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def connection(self, reader, writer):
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.proxy_port)
        to_writer.write(f"CONNECT {self.origin} HTTP/1.1\r\nHost: {self.origin}\r\n\r\n".encode())
        await to_reader.readuntil(b"\r\n\r\n")
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return writer.close()
        to_writer.write(re.sub(rb"(?im)^host:.*\r$", f"Host: {self.origin}\r".encode(), head))
        await asyncio.gather(self.pump(reader, to_writer), self.pump(to_reader, writer))

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except (ConnectionError, OSError):
            writer.close()


async def run_cases(port, cases):
    with tempfile.TemporaryDirectory() as out:
        include = [word for case in cases for word in ("-i", case)]
        kosoku = Path(sys.executable).with_name("kosoku")
        process = await asyncio.create_subprocess_exec(str(kosoku), f"127.0.0.1:{port}", "-o", out, *include,
                                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await process.wait()
        report = json.loads((Path(out) / "index.json").read_text())
    return {case: (result["behavior"], result["behaviorClose"], result.get("duration", 0)) for agent in report.values()
            for case, result in agent.items()}


def rank(result):
    return tuple(RANK.get(word, 4) for word in result[:2])


def show(name, control, through):
    rows = collections.OrderedDict()
    worse = []
    for case, straight in sorted(control.items(), key=lambda item: [int(part) for part in item[0].split(".")]):
        bottle = through.get(case, ("ERROR", "ERROR", 0))
        row = rows.setdefault(case.split(".")[0], [0, 0, 0, 0, 0, 0])
        row[0] += 1
        row[1] += rank(straight) == (0, 0)
        row[2] += rank(bottle) == (0, 0)
        is_worse = any(b > s for b, s in zip(rank(bottle), rank(straight)))
        row[3] += is_worse
        row[4] += straight[2]
        row[5] += bottle[2]
        if is_worse:
            worse.append(f"  {case}: {straight[:2]} without, {bottle[:2]} through bottle")
    print(f"\n{name}\ngroup   cases   ok without   ok through bottle   worse   ms without   ms through")
    for group, row in rows.items():
        print(f"{group:>5}{row[0]:>8}{row[1]:>13}{row[2]:>20}{row[3]:>8}{row[4]:>13.0f}{row[5]:>13.0f}")
    print("\n".join(worse), flush=True)
    return len(worse)


async def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--proxy", required=True)
    words.add_argument("--case", action="append")
    words.add_argument("--origin", action="append", choices=["websockets", "ws"])
    options = words.parse_args()
    cases = options.case or GROUPS
    worse = 0
    for name in options.origin or ["websockets", "ws"]:
        port = free_port()
        with tempfile.TemporaryDirectory() as directory:
            origin = await start_origin(name, port)
            proxy, proxy_port = await start_proxy(os.path.abspath(options.proxy), port, directory)
            try:
                control = await run_cases(port, cases)
                through = await run_cases(await Tunnel(proxy_port, port).start(), cases)
            finally:
                proxy.terminate()
                origin.terminate()
                await proxy.wait()
                await origin.wait()
        worse += show(name, control, through)
    return 1 if worse else 0


sys.exit(asyncio.run(main()))
