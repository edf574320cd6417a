"""Words in the wrong place: paths of one machine, a backend's vocabulary outside the backend, the scanner's in
proxy/http, riddles in plain text."""
import re

from .hints import sentences
from .tree import Finding, blank, comments, line_of

# Absolute paths of the machine somebody worked on. Tests may invent a home, and the agent has one inside the bottle.
_MACHINE = re.compile(r"(?<![\w.~$}/*:-])/(?:work|root|Users|home/(?!agent\b)[a-z][\w-]*)/[a-z][\w./-]*")
_DOCKER_NAME = re.compile(r"\w*docker\w*", re.IGNORECASE)
_DOCKER_TEXT = re.compile(r'"(?:docker(?:[" ])|[^"\n]*/docker\.sock)')
# proxy/http knows messages and sessions, and none of the parts that judge or carry them. The flood guard is its own.
_PARTS = re.compile(r"(?i:scanner|pipelock|bypass)"
                    r"|(?<!flood[ _])(?<![A-Za-z])(?:guard|exit)(?![a-z])|(?<!Flood)(?:Guard|Exit)(?![a-z])")
_EMPTY_TEST = re.compile(r"GTEST_SKIP\(\)\s*;|(?:EXPECT|ASSERT)_TRUE\(true\)|t\.Skip\(\)|t\.SkipNow\(\)")
MAX_LINES = 500

# Plain English: a sentence names its subject. Code in backticks and quoted text are no prose.
_QUOTED = re.compile(r"`[^`\n]*`|\"[^\"\n]*\"")
_RIDDLES = (
    (re.compile(r"\b(?:whoever|whomever|nobody)\b(?!-)", re.IGNORECASE),
     "name the subject: a client, a process, the user"),
    (re.compile(r"\ball\s+the\s+same\b", re.IGNORECASE), "write still, too, or although"),
    (re.compile(r"\bbut\s+for\b", re.IGNORECASE), "write except"),
    (re.compile(r"\b(?:for|by|to|from|with|in|than|only)\s+who\b|^Who (?!.*\?)", re.MULTILINE),
     "who needs a noun: the client that …"),
)
_BARE_START = re.compile(r"^(?:[Ww]hat|[Ww]hose|who)\b(?!.*\?$)|(?<=[.] )(?:What|Whose)\b(?![^.]*\?)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PROGRAMS = (".h", ".cc", ".go", ".py", ".sh", ".cmake", "CMakeLists.txt", "Makefile", "Dockerfile", "compose.yaml")

# This file and its tests have to spell what they look for.
EXEMPT = ("scripts/lints/words.py", "scripts/tests/lints_test.py")


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
    for path, text in tree.sources("proxy/http"):
        for match in _PARTS.finditer(text):
            findings.append(Finding(path, line_of(text, match.start()),
                                    f"'{match.group(0)}' is none of proxy/http's business: take a value instead"))
    return findings + riddles(tree)


def without_quotes(text):
    return _QUOTED.sub(lambda match: " " * len(match.group(0)), text)


def riddles(tree):
    """Phrases that hide the subject of a sentence, in comments, documents and messages."""
    findings = []

    def look(path, offset, text, in_order):
        for pattern, instead in _RIDDLES:
            for match in pattern.finditer(text):
                line = line_of(tree.files[path], offset + (match.start() if in_order else 0))
                findings.append(Finding(path, line, f"'{match.group(0).strip()}': {instead}"))

    for path in sorted(tree.files):
        text = tree.files[path]
        if path in EXEMPT or path.startswith("tests/fuzz/corpus"):
            continue
        if path.endswith(".md"):
            prose = _FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
            look(path, 0, without_quotes(prose), True)
        elif path.endswith(_PROGRAMS) or (path.startswith("scripts/") and "." not in path):
            for offset, comment in comments(path, text):
                look(path, offset, without_quotes(comment), False)
                bare = _BARE_START.search(comment)
                if bare:
                    findings.append(Finding(path, line_of(text, offset), "a sentence of a comment begins with its subject, "
                                            f"not with '{bare.group(0)}'"))
        if path.startswith(("proxy/", "certs/", "launcher/")) and path.endswith((".h", ".cc")):
            for offset, sentence in sentences(text):
                look(path, offset, sentence, False)
    return findings


def warn(tree):
    """Not fatal: files that want to be two."""
    return [Finding(path, text.count("\n"), f"more than {MAX_LINES} lines; would two files be clearer?")
            for path, text in tree.sources("proxy", "certs", "launcher", "tests") if text.count("\n") > MAX_LINES]
