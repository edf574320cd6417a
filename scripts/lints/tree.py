"""What a linter reads: the files of the work tree, and C++ source without comments and literals."""
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


class Tree:
    """Files by their path from the root. Tests make one from a dict; from_git reads the work tree."""

    def __init__(self, files):
        self.files = files

    @staticmethod
    def from_git(root):
        names = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
                               check=True, capture_output=True, text=True).stdout.split("\0")
        files = {}
        for name in filter(None, names):
            try:
                files[name] = (Path(root) / name).read_text(encoding="utf-8")
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue  # binary, or deleted and not yet committed
        return Tree(files)

    def sources(self, *tops):
        """C++ files below these directories, in order."""
        for path in sorted(self.files):
            if path.endswith((".h", ".cc")) and path.startswith(tuple(top + "/" for top in tops)):
                yield path, self.files[path]


_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\\s]{0,16})\((?:.*?)\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def blank(text, strings=True):
    """`text` with comments (and literals, if `strings`) made of spaces, so that offsets and line numbers stay."""
    def spaces(match):
        found = match.group(0)
        if found.startswith(("//", "/*")):
            return re.sub(r"[^\n]", " ", found)
        return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1] if strings else found
    return _LITERAL.sub(spaces, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


_GO_LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|`[^`]*`|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
_HASH = re.compile(r"^[ \t]*#(?!!)[^\n]*", re.MULTILINE)


def comments(path, text):
    """(offset, text) of each comment, lines one below the other as one, without the marks. Of C++ and Go; of Python,
    shell, CMake and others the lines that are nothing but a comment."""
    slashes = path.endswith((".h", ".cc", ".go"))
    pattern = _HASH if not slashes else _GO_LITERAL if path.endswith(".go") else _LITERAL
    begin, end, indent, found = None, 0, 0, ""
    for match in pattern.finditer(text):
        words = match.group(0).strip()
        if not words.startswith(("//", "/*") if slashes else "#"):
            continue
        start = match.start() + len(match.group(0)) - len(match.group(0).lstrip())
        column = start - text.rfind("\n", 0, start) - 1
        below = begin is not None and column == indent and text.count("\n", end, start) == 1
        words = re.sub(r"\s*\n\s*\*? ?", " ", re.sub(r"^(?://[/<]*|/\*+|#+) ?|\s*\*/$", "", words))
        if below and not text[end:start].strip():
            found += " " + words
        else:
            if begin is not None:
                yield begin, found
            begin, indent, found = start, column, words
        end = match.end()
    if begin is not None:
        yield begin, found
