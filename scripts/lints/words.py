"""Words that stand in the wrong place: a machine's paths, a backend's vocabulary outside the backend."""
import re

from .tree import Finding, blank, line_of

# Absolute paths of the machine somebody worked on. Tests may invent a home, and the agent has one inside the bottle.
_MACHINE = re.compile(r"(?<![\w.~$}/*:-])/(?:work|root|Users|home/(?!agent\b)[a-z][\w-]*)/[a-z][\w./-]*")
_DOCKER_NAME = re.compile(r"\w*docker\w*", re.IGNORECASE)
_DOCKER_TEXT = re.compile(r'"(?:docker(?:[" ])|[^"\n]*/docker\.sock)')
_EMPTY_TEST = re.compile(r"GTEST_SKIP\(\)\s*;|(?:EXPECT|ASSERT)_TRUE\(true\)|t\.Skip\(\)|t\.SkipNow\(\)")
MAX_LINES = 500

# This file and its tests have to spell what they look for.
EXEMPT = ("scripts/lints/words.py", "scripts/tests/words_test.py")


def check(tree):
    findings = []
    for path in sorted(tree.files):
        text = tree.files[path]
        if path in EXEMPT:
            continue
        for match in _MACHINE.finditer(text):
            if path.startswith("tests/") and match.group(0).startswith(("/home/", "/root/")):
                continue
            findings.append(Finding(path, line_of(text, match.start()), f"a path of one machine: {match.group(0)}"))
        if path.startswith("tests/"):
            for match in _EMPTY_TEST.finditer(text):
                findings.append(Finding(path, line_of(text, match.start()), "a test that says or checks nothing"))
    for path, text in tree.sources("launcher"):
        # The backend itself, and the table of backends.
        if path.startswith("launcher/backend/docker/") or path == "launcher/main.cc":
            continue
        for match in _DOCKER_NAME.finditer(blank(text)):
            findings.append(Finding(path, line_of(text, match.start()),
                                    f"'{match.group(0)}' belongs to launcher/backend/docker"))
        for match in _DOCKER_TEXT.finditer(blank(text, strings=False)):
            findings.append(Finding(path, line_of(text, match.start()), "a docker command outside launcher/backend/docker"))
    return findings


def warn(tree):
    """Not fatal: files that want to be two."""
    return [Finding(path, text.count("\n"), f"more than {MAX_LINES} lines; would two files be clearer?")
            for path, text in tree.sources("proxy", "certs", "launcher", "tests") if text.count("\n") > MAX_LINES]
