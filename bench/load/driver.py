"""What bench/run and bench/scaling share: they start the origin and the client, and make the bodies that are sent."""
import json
import os
import random
import signal
import subprocess
import sys

CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, LOAD_CORE = {CORES[-1]}, set(CORES[:-1]) or {CORES[0]}
PATIENCE = 120  # seconds of one load


def end_in_order():
    """SIGTERM ends what was started, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def pinned(cores):
    return lambda: os.sched_setaffinity(0, cores)


class Programs:
    """Client and origin of a build."""

    def __init__(self, build):
        self.build = build
        self.load, self.origin, self.proxy = (build / name for name in ("bottle-load", "bottle-bench-origin",
                                                                        "bottle-proxy"))

    def missing(self):
        return [program for program in (self.load, self.origin, self.proxy) if not program.exists()]


class Origin:
    """Answers on loopback until the block ends."""

    def __init__(self, programs):
        self.program = programs.origin

    def __enter__(self):
        self.process = subprocess.Popen([self.program], stdout=subprocess.PIPE, preexec_fn=pinned(LOAD_CORE))
        self.address = self.process.stdout.readline().decode().strip()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def command(programs, peer, arguments):
    server = ["--server", f"127.0.0.1:{peer.port}", "--ca", str(peer.ca), "--timeout", str(PATIENCE)]
    return [programs.load, *server, *([] if peer.tunnel else ["--direct"]), *arguments]


def run(programs, peer, arguments, about="", may_fail=False):
    """The client's figures of one load."""
    return finished(command(programs, peer, arguments), f"{peer.name}, {about}", may_fail)


def finished(arguments, about, may_fail=False):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=PATIENCE + 30,
                          preexec_fn=pinned(LOAD_CORE))
    if done.returncode != 0 and not (may_fail and done.stdout):
        raise RuntimeError(f"{about}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


class Held:
    """A load that goes on when it is told to: its connections stay open meanwhile."""

    def __init__(self, programs, peer, arguments, about="", may_fail=False):
        self.about, self.may_fail = f"{peer.name}, {about}", may_fail
        self.process = subprocess.Popen([*command(programs, peer, arguments), "--hold"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=pinned(LOAD_CORE))

    def __enter__(self):
        return self

    def end(self):
        """How many connections were left at the end."""
        self.process.stdin.close()
        return int(self.process.stdout.readline() or 0)

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def warm(self):
        """Waits until the warm-up is over."""
        line = self.process.stdout.readline()
        if line != "warm\n":
            raise RuntimeError(f"{self.about}: {line}")

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def figures(self):
        """Waits until all has an answer; the connections stay until the block ends."""
        line = self.process.stdout.readline()
        figures = json.loads(line) if line else {"errors": 1, "reasons": {}}
        if not self.may_fail and (figures["errors"] or not figures["in_time"]):
            raise RuntimeError(f"{self.about}: {line}")
        return figures


WORDS = ("the a this file function returns value when test fails because of request and answer in with connection where "
         "we should read header body before after it is not only line server client changes then error check name list "
         "first next which has been seen build run command output directory please look at explain why").split()
CODE = ("def {0}_{1}(self, {2}):", "    if {0}.{1} is None:", "        return {2}({0}, {1}=42)",
        "for {0} in range(len({1})):", "    self.{0}[{1}] = {2}  # {1} {0}", "assert {0} == \"{1} {2}\"",
        "import {0}.{1} as {2}", "{0}->{1}({2}, sizeof({1}));")


def body(kilobytes):
    """A request to a language model, as an agent sends it: prose, code and results of tools as JSON. The same bytes at
    each call."""
    dice = random.Random(kilobytes)
    size = kilobytes * 1000

    def prose(count):
        return " ".join(dice.choice(WORDS) for _ in range(count)).capitalize() + "."

    def code(count):
        return "\n".join(f"{number:>4}\t" + dice.choice(CODE).format(*dice.sample(WORDS, 3)) for number in range(count))

    messages = [{"role": "user", "content": prose(60)}]
    request = {"model": "model-1", "max_tokens": 8192, "stream": True, "system": prose(80), "messages": messages}
    length = len(json.dumps(request))
    while length < size:
        number = len(messages)
        lines = min(60, max(1, (size - length) // 80))
        call = f"call_{number:06}"
        read = {"type": "tool_use", "id": call, "name": "read", "input": {"path": f"src/{dice.choice(WORDS)}.py"}}
        pair = [{"role": "assistant", "content": [{"type": "text", "text": prose(20)}, read]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": code(lines)}]}]
        messages += pair
        length += len(json.dumps(pair))
    return json.dumps(request)
