"""The longest file and the longest function: what grows past these bounds wants to be two."""
import re

from .tree import Finding, blank

TOPS = ("proxy", "certs", "launcher")
MAX_FILE = 450      # lines
MAX_FUNCTION = 80   # lines, from its first line to its closing brace

_BRACE = re.compile(r"[{};]")
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_CONTAINER = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b[^()=]*$")


def functions_of(text):
    """(first line, length in lines) of each function that stands in a namespace or a class."""
    code = _DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), blank(text))
    containers, depth, begin, start = 0, 0, 0, None
    for match in _BRACE.finditer(code):
        at, token = match.start(), match.group(0)
        if token == "{":
            if depth == containers:
                intro = code[begin:at]
                if _CONTAINER.search(intro):
                    containers += 1
                elif ")" in intro:
                    start = begin + len(intro) - len(intro.lstrip())
            depth += 1
        elif token == "}":
            depth -= 1
            if depth < containers:
                containers = depth
            elif depth == containers and start is not None:
                first = code.count("\n", 0, start) + 1
                yield first, code.count("\n", 0, at) + 2 - first
                start = None
        if depth == containers:
            begin = at + 1


def longest(tree):
    """((lines, path), (lines, path, first line)) of the longest file and the longest function."""
    files = [(text.count("\n"), path) for path, text in tree.sources(*TOPS)]
    functions = [(length, path, line) for path, text in tree.sources(*TOPS) for line, length in functions_of(text)]
    return max(files, default=(0, "")), max(functions, default=(0, "", 0))


def summary(tree):
    (lines, path), (length, where, line) = longest(tree)
    return f"the longest file: {path}, {lines} lines; the longest function: {where}:{line}, {length} lines"


def check(tree):
    findings = []
    for path, text in tree.sources(*TOPS):
        if text.count("\n") > MAX_FILE:
            findings.append(Finding(path, MAX_FILE, f"{text.count(chr(10))} lines; a file has at most {MAX_FILE}"))
        findings += [Finding(path, line, f"a function of {length} lines; one has at most {MAX_FUNCTION}")
                     for line, length in functions_of(text) if length > MAX_FUNCTION]
    return findings
