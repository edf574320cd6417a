"""Go as gofmt leaves it, in lines that fit: gofmt breaks none by itself."""
from .tree import Finding

COLUMNS = 120
TAB = 4


def check(tree):
    return [Finding(path, number, f"{width} columns; {COLUMNS} are the most, a tab counted as {TAB}")
            for path in sorted(tree.files) if path.endswith(".go")
            for number, line in enumerate(tree.files[path].split("\n"), 1)
            if (width := len(line.expandtabs(TAB))) > COLUMNS]
