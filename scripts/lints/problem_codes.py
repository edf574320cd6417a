"""The words of problem documents, X-Bottle-Deny and audit lines: each is a constant of proxy/contract/problem_codes.h,
has a row in docs/errors.md, and is written as a literal nowhere else."""
import re

from .docs import problem_words, rows, words_in
from .tree import Finding, blank, line_of

HEADER, DOCUMENT = "proxy/contract/problem_codes.h", "docs/errors.md"

_CELL = re.compile(r"`\w+`(?:, `\w+`)*")
_RULE = re.compile(r"\|[|\s:-]+\|")
# How a code looks where the page names one in its text, and the keys of its JSON that look the same.
_WORD = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
_KEYS = {"request_id"}

# The word is the third argument of a Failure, also of one that begins with its code alone, and the second of a row of
# the table. Codes of a program's end (Code::kUsage) are an Error's.
_FAILURE = re.compile(r"\bFailure(?: \w+)?[({]|[({](?=\s*Code::(?!k[A-Z])\w+\s*,)")
_ROW = re.compile(r"\bFailureTraits\{")
# A function that takes the word: Failure cut(std::string what, std::string_view reason).
_HELPER = re.compile(r"\b(\w+)\(([^();]*\bstd::string(?:_view)? (?:reason|word)\b[^();]*)\)")
_ASSIGNED = re.compile(r"\breason = ([^;]+);")
_LITERAL = re.compile(r'"([^"\n]+)"')


def check(tree):
    if HEADER not in tree.files:
        return []
    words = problem_words(tree)
    return check_constants(tree, words) + check_page(tree, words) + check_literals(tree, set(words.values()))


def check_constants(tree, words):
    """Named as their words, used, and in alphabetical order in each group."""
    text = tree.files[HEADER]
    used = set()
    for _, source in tree.sources("proxy", "certs", "launcher"):
        used |= set(re.findall(r"\bproblem_code::(k\w+)", source))
    wrong = [(name, f"{name} is not the name of {word}") for name, word in words.items()
             if name != "k" + "".join(part.capitalize() for part in word.split("_"))]
    wrong += [(name, f"{name} is used nowhere") for name in words if name not in used]
    for group in re.split(r"\n\n|\n//", text):
        names = [name for name in re.findall(r"\b(k\w+)\s*=", group) if name in words]
        wrong += [(after, f"{after} comes before {before}") for before, after in zip(names, names[1:])
                  if words[after] < words[before]]
    return [Finding(HEADER, line_of(text, re.search(rf"\b{name}\b", text).start()), what) for name, what in wrong]


def check_page(tree, words):
    """docs/errors.md: one row a word, in the column `code` of a table; and no other words."""
    text = tree.files.get(DOCUMENT, "")
    lines, known = text.split("\n"), set(words.values())
    given, named, column = {}, {}, None
    for line, cells in rows(text):
        if line < len(lines) and _RULE.fullmatch(lines[line]):
            column = cells.index("code") if "code" in cells else None
        elif column is not None and column < len(cells) and _CELL.fullmatch(cells[column]):
            for word in words_in(cells[column]):
                given.setdefault(word, []).append(line)
    for number, line in enumerate(lines, 1):
        for word in words_in(line):
            if _WORD.fullmatch(word) and word not in _KEYS:
                named.setdefault(word, number)
    named.update({word: found[0] for word, found in given.items()})
    return ([Finding(DOCUMENT, 1, f"no row has the code {word}") for word in sorted(known - set(given))] +
            [Finding(DOCUMENT, found[1], f"{word} has two rows") for word, found in given.items() if len(found) > 1] +
            [Finding(DOCUMENT, line, f"{HEADER} has no {word}") for word, line in named.items() if word not in known])


def check_literals(tree, known):
    findings = []
    for path, text in tree.sources("proxy", "certs", "launcher"):
        if path == HEADER:
            continue
        bare, code = blank(text), blank(text, strings=False)
        wrong = {}
        for first, last in reasons(bare):
            wrong.update({first + match.start(): match.group(1) for match in _LITERAL.finditer(code[first:last])})
        # A word may also come out of a table of the file's own. Those of one part ("internal") mean other things too.
        wrong.update({match.start(): match.group(1) for match in re.finditer(r'"(\w+)"', code)
                      if "_" in match.group(1) and match.group(1) in known and bare[match.start()] == bare[match.end() - 1] == '"'})
        findings += [Finding(path, line_of(text, at), f'"{word}" is to be a constant of {HEADER}')
                     for at, word in sorted(wrong.items())]
    return findings


def reasons(bare):
    """(first, last) of each expression that gives a failure its word, in a text without literals."""
    for pattern, place in ((_FAILURE, 2), (_ROW, 1)):
        for match in pattern.finditer(bare):
            yield from arguments(bare, match.end())[place:place + 1]
    for helper in _HELPER.finditer(bare):
        parameters = helper.group(2).split(",")
        place = next(at for at, parameter in enumerate(parameters) if re.search(r"\b(?:reason|word)\b", parameter))
        for call in re.finditer(rf"\b{helper.group(1)}\(", bare):
            yield from arguments(bare, call.end())[place:place + 1]
    for match in _ASSIGNED.finditer(bare):
        yield match.span(1)


def arguments(bare, start):
    """(first, last) of each argument behind the bracket that ends at `start`."""
    found, depth, first = [], 0, start
    for at in range(start, len(bare)):
        if bare[at] in "([{":
            depth += 1
        elif bare[at] == "," and depth == 0:
            found.append((first, at))
            first = at + 1
        elif bare[at] in ")]}":
            if depth == 0:
                return found + [(first, at)]
            depth -= 1
    return found
