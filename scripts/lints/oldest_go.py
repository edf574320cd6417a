"""Every Go module builds with the oldest Go that the project allows, Debian 12's: with a newer one, go.mod bounds the
language and not the standard library, so a function that Debian's lacks goes unnoticed."""
import os
import re
import subprocess
from pathlib import Path, PurePosixPath

from .tree import Finding

# Debian's package golang-1.19-go, which lies beside any other Go and is in no PATH.
OLDEST = "/usr/lib/go-1.19/bin/go"
_PLACE = re.compile(r"^(?:vet: )?(?:\./)?([^\s:]+\.go):(\d+):(?:\d+:)? (.*)$")


def check(root, files, go=OLDEST):
    """Vets and compiles everything below each go.mod of `files`, tests too, and runs nothing."""
    modules = sorted(str(PurePosixPath(path).parent) for path in files if PurePosixPath(path).name == "go.mod")
    if not Path(go).exists():
        return [Finding("scripts/lint", 1, "golang-1.19-go is missing: scripts/bootstrap test installs it")] if modules else []
    findings = []
    for module in modules:
        for arguments in (["vet", "./..."], ["test", "-count=1", "-run=^$", "-exec=true", "./..."]):
            problem = _run(Path(root) / module, [go, *arguments])
            if problem is not None:
                findings += _findings(module, problem)
                break  # what vet refuses does not compile either
    return findings


def _run(directory, command):
    """None if it succeeds, else what it said."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GO")}
    env.update(GOPROXY="off", GO111MODULE="on", GOFLAGS="-mod=mod", CGO_ENABLED="0")
    if "HOME" not in env and "XDG_CACHE_HOME" not in env:
        env["GOCACHE"] = str(directory / ".cache")
    out = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=False)
    return None if out.returncode == 0 else out.stdout + out.stderr


def _findings(module, said):
    found = []
    for line in said.splitlines():
        place = _PLACE.match(line.strip())
        if place:
            path = str(PurePosixPath(module) / place.group(1))
            found.append(Finding(path, int(place.group(2)), f"Go 1.19: {place.group(3)}"))
    lines = [line for line in said.splitlines() if line.strip()]
    return found or [Finding(module, 1, f"Go 1.19: {lines[-1] if lines else 'failed without a message'}")]
