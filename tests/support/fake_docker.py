#!/usr/bin/python3 -IS
"""Stands in for the docker program in tests of the launcher. What "exists" is files in FAKE_DOCKER/things; every call is
appended to FAKE_DOCKER/calls as a JSON line (arguments, environment file, standard input).

FAKE_DOCKER_FAIL=N    the N-th call that a launch makes fails, with words as an engine has them
FAKE_DOCKER_LATE=1    and does its work before it fails: the answer was lost, the thing is there
FAKE_DOCKER_STATUS=N  what the agent ends with; FAKE_DOCKER_WAIT=1: once a file named "end" is in FAKE_DOCKER
FAKE_DOCKER_EXEC=N     what a command that is run in the agent's container ends with
FAKE_DOCKER_PIPELOCK   "die": pipelock's container ends at once, and nothing answers in it
FAKE_DOCKER_PROXY     "die": the proxy ends at once; "leave": once the agent runs"""

import fcntl
import io
import json
import os
import select
import signal
import sys
import time

ROOT = os.environ["FAKE_DOCKER"]
THINGS = os.path.join(ROOT, "things")
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUJ6XWbVfGrjvZQ0zu2Bq0m0f3m0EwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----
"""
QUESTIONS = ("version", "context", "image", "ps", "rm", "kill")


def thing(kind, name):
    return os.path.join(THINGS, kind + "-" + name)


def load(kind, name):
    try:
        with open(thing(kind, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        sys.exit(f"Error: No such {kind}: {name}")


def save(kind, name, value):
    with open(thing(kind, name), "w", encoding="utf-8") as file:
        json.dump(value, file)


def all_of(kind):
    return sorted(name[len(kind) + 1:] for name in os.listdir(THINGS) if name.startswith(kind + "-"))


def option(words, name):
    return [words[i + 1] for i, word in enumerate(words[:-1]) if word == name]


def archive(files):
    import tarfile  # here, since it is slow to load and few calls need it
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    sys.stdout.buffer.write(out.getvalue())


def listed(words, kind):
    filters = [f[len("label="):] for f in option(words, "--filter")]
    for name in all_of(kind):
        labels = load(kind, name)["labels"]
        if all(f in labels or f in [label.split("=")[0] for label in labels] for f in filters):
            table = dict(label.split("=", 1) for label in labels)
            print(name, table.get("bottle.id", ""), table.get("bottle.lease", ""), sep="\t")


def run_proxy(name):
    if os.environ.get("FAKE_DOCKER_PROXY") == "die":
        print("bottle-proxy: something is wrong", file=sys.stderr)
        return 64
    print("bottle-proxy ready listen=10.9.0.2:3128 ca_sha256=AA:BB:CC", flush=True)
    words = load("container", name)["words"]
    given = ""
    for line in sys.stdin if "--secrets" in words else ():
        if line == "end\n":
            break
        given += line
    print(json.dumps({"verdict": "refused", "host": "refused.example", "reason": "denied", "given": given}), file=sys.stderr)
    print("a line of the log", file=sys.stderr, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while os.path.exists(thing("container", name)):
        if "--end-with-stdin" in words and select.select([sys.stdin], [], [], 0)[0]:
            print(json.dumps({"verdict": "cut", "reason": "standard input ended"}), file=sys.stderr, flush=True)
            return 0
        if os.environ.get("FAKE_DOCKER_PROXY") == "leave" and os.path.exists(os.path.join(ROOT, "agent")):
            return 3
        time.sleep(0.01)
    return 137


def run_agent(name):
    open(os.path.join(ROOT, "agent"), "w", encoding="utf-8").close()
    while os.environ.get("FAKE_DOCKER_WAIT") and not os.path.exists(os.path.join(ROOT, "end")):
        if not os.path.exists(thing("container", name)):
            return 137
        if "killed" in load("container", name):
            return 143
        time.sleep(0.01)
    return int(os.environ.get("FAKE_DOCKER_STATUS", "0"))


def start(words):
    name = words[-1]
    load("container", name)
    if name.endswith("-proxy"):
        return run_proxy(name)
    if name.endswith("-agent"):
        return run_agent(name)
    if os.environ.get("FAKE_DOCKER_PIPELOCK") == "die":
        print("pipelock: something is wrong", file=sys.stderr)
        return 1
    while os.path.exists(thing("container", name)):
        time.sleep(0.01)
    return 137


def network(words):
    if words[0] == "create":
        save("network", words[-1], {"labels": option(words, "--label")})
        print("0123456789ab")
    elif words[0] == "connect":
        load("network", words[1])
        value = load("container", words[2])
        value["networks"].append(words[1])
        save("container", words[2], value)
    elif words[0] == "inspect":
        for i, name in enumerate(words[3:]):
            load("network", name)
            print(name, f"fd00:{i}::/64", f"10.9.{i}.0/24")
    elif words[0] == "ls":
        listed(words, "network")
    elif words[0] == "rm":
        return remove("network", words[1:])
    return 0


def remove(kind, names):
    status = 0
    for name in names:
        try:
            os.remove(thing(kind, name))
        except FileNotFoundError:
            print(f"Error: No such {kind}: {name}", file=sys.stderr)
            status = 1
    return status


def act(words):
    verb, rest = words[0], words[1:]
    if verb == "version":
        print("99.0")
    elif verb == "context":
        print("unix:///run/engine.sock")
    elif verb == "image":
        if rest[-1] in os.environ.get("FAKE_DOCKER_NO_IMAGE", "").split():
            sys.exit("Error: No such image: " + rest[-1])
    elif verb == "network":
        return network(rest)
    elif verb == "create":
        name = option(rest, "--name")[0]
        save("container", name, {"labels": option(rest, "--label"), "networks": option(rest, "--network"), "words": rest})
    elif verb == "cp" and rest[1] == "-":
        load("container", rest[0].split(":")[0])
        if rest[0].endswith(":/etc"):
            archive({"etc/passwd": "root:x:0:0:root:/root:/bin/bash\n", "etc/ca-certificates.conf": "",
                     "etc/ssl/certs/ca-certificates.crt": "roots\n", "etc/environment": "A=b"})
        else:
            archive({"bottle/ca.pem": CERTIFICATE, "bottle/ca-bundle.pem": "roots\n" + CERTIFICATE})
    elif verb == "inspect":
        value = load("container", rest[-1])
        if rest[1] == "{{.State.Running}}":
            print("false" if os.environ.get("FAKE_DOCKER_PIPELOCK") else "true")
        elif ".State." in rest[1]:
            print("exited", os.environ.get("FAKE_DOCKER_STATUS", "0"), "false")
        else:
            for i, name in enumerate(value["networks"]):
                print(name, f"10.9.{i}.2")
    elif verb == "start":
        return start(rest)
    elif verb == "ps":
        listed(rest, "container")
    elif verb == "rm":
        return remove("container", [word for word in rest if not word.startswith("--")])
    elif verb == "exec" and "sh" in rest:
        return 1  # "command -v" finds nothing
    elif verb == "exec" and os.environ.get("FAKE_DOCKER_EXEC"):
        return int(os.environ["FAKE_DOCKER_EXEC"])
    elif verb == "exec" and os.environ.get("FAKE_DOCKER_PIPELOCK"):
        sys.exit("bottle-proxy: nobody answers")
    elif verb == "kill":
        value = load("container", rest[-1])
        value["killed"] = True
        save("container", rest[-1], value)
    return 0


def pipelock_is_about_to_start():
    if not any(name.endswith("-pipelock") for name in all_of("container")):
        return False
    with open(os.path.join(ROOT, "calls"), encoding="utf-8") as calls:
        words = [json.loads(line)["words"] for line in calls]
    since = max((i for i, call in enumerate(words) if call[0] == "create" and "-pipelock" in option(call, "--name")[0]), default=0)
    return not any(call[0] == "start" and call[-1].endswith("-pipelock") for call in words[since:])


def main():
    words = sys.argv[1:]
    os.makedirs(THINGS, exist_ok=True)
    # The launcher goes on while it starts pipelock; calls are numbered in its order.
    while words[0] not in QUESTIONS and any("-agent" in w or w == "--healthcheck" for w in words) and pipelock_is_about_to_start():
        time.sleep(0.01)
    record = {"words": words, "environment": sorted(os.environ)}
    if "--env-file" in words:
        with open(option(words, "--env-file")[0], encoding="utf-8") as file:
            record["file"] = file.read()
    if words[0] == "cp" and words[1] == "-":
        record["input"] = sys.stdin.buffer.read().decode("latin-1")
    counted = words[0] not in QUESTIONS and words[:2] not in (["network", "ls"], ["network", "rm"])
    counted = counted and not (words[0] == "inspect" and ".State." in words[2])
    counted = counted and words[:2] != ["exec", "--detach"]
    with open(os.path.join(ROOT, "calls"), "a+", encoding="utf-8") as calls:
        fcntl.flock(calls, fcntl.LOCK_EX)
        calls.seek(0)
        number = sum(1 for line in calls if json.loads(line)["counted"]) + 1
        record["counted"] = counted
        calls.write(json.dumps(record) + "\n")
    if counted and os.environ.get("FAKE_DOCKER_FAIL") == str(number):
        if os.environ.get("FAKE_DOCKER_LATE"):
            act(words)
        print("Error response from daemon:\n the fake says no", file=sys.stderr)
        return 1
    return act(words)


sys.exit(main())
