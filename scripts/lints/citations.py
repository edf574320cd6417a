"""Citations lead somewhere: threats (T57) to a row of docs/threats.md, whose tests exist; sections of docs/pipelock.md
to a heading; names of tests in documents and in scripts/run-tests to tests."""
import re

from .docs import rows, words_in
from .tree import Finding, line_of

THREATS, PIPELOCK, RUN_TESTS = "docs/threats.md", "docs/pipelock.md", "scripts/run-tests"

# They have to spell what they look for.
EXEMPT = ("scripts/lints/citations.py", "scripts/tests/lints_test.py")

_NUMBER = r"[TU]\d\d"
_GAP = r"(?:\s|//|#)+"  # a citation may go on in the comment's next line
_LIST = rf"(?:(?:,|{_GAP}and|{_GAP}to){_GAP}%s)*"
_CITED = re.compile(rf"\b[Tt]hreats?{_GAP}([TU]?\d+{_LIST % '[TU]?[0-9]+'})\b")
_ALONE = re.compile(rf"\b{_NUMBER}\b")
_SECTION = r"\d+(?:\.\d+)?"
_SECTIONS = re.compile(rf"\bpipelock\.md\)?,{_GAP}sections?{_GAP}({_SECTION}{_LIST % _SECTION})")
_NAMELESS = re.compile(rf"\bcontract\b[^.;]{{0,20}}?\bsections?{_GAP}\d")
_MARK = re.compile(r"^// \[([TU]\d[^\]\n]*)\]\n", re.MULTILINE)
_GTEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
_SESSION = re.compile(r"^SESSION_TEST\((\w+),", re.MULTILINE)  # one body for both protocols
_GO = re.compile(r"^func (Test[A-Z]\w*)\(", re.MULTILINE)
_BY_NUMBER = re.compile(r"(?:Test|\.)[TU]\d")
_GO_NAME = re.compile(r"(Test[A-Z]\w*)(…?)")
_GTEST_NAME = re.compile(r"[A-Z]\w*\.[A-Z]\w*")


def check(tree):
    tests = tests_of(tree)
    return (check_threats(tree, tests) + check_sections(tree) + check_named(tree, tests) +
            [Finding(*place, f"{name} is named by a number: say what happens, and put // [T57] above it")
             for name, place in sorted(tests.items()) if _BY_NUMBER.search(name)])


def tests_of(tree):
    """name -> (path, line); "Suite.Name" in C++, "TestName" in Go."""
    found = {}
    for path, text in tree.files.items():
        if path.endswith("_test.go"):
            names = [(m, m.group(1)) for m in _GO.finditer(text)]
        elif path.startswith("tests/") and path.endswith(".cc"):
            names = [(m, ".".join(m.groups())) for m in _GTEST.finditer(text)]
            names += [(m, f"Session.{m.group(1)}") for m in _SESSION.finditer(text)]
        else:
            continue
        found.update({name: (path, line_of(text, match.start())) for match, name in names})
    return found


def texts_of(tree):
    """What people read and write: not the corpora of the fuzzers."""
    for path, text in sorted(tree.files.items()):
        if not path.startswith("tests/fuzz/corpus/") and path not in EXEMPT:
            yield path, text


# docs/threats.md: | number | attack | answer | tests |

def check_threats(tree, tests):
    findings, given = [], {}
    for line, cells in rows(tree.files.get(THREATS, "")):
        if not re.fullmatch(_NUMBER, cells[0]):
            continue
        if cells[0] in given:
            findings.append(Finding(THREATS, line, f"{cells[0]} has two rows"))
        given[cells[0]] = set(words_in(cells[-1]))
        if not given[cells[0]]:
            findings.append(Finding(THREATS, line, f"{cells[0]} has no test"))
        gone = sorted(given[cells[0]] - set(tests))
        findings += [Finding(THREATS, line, f"there is no test {name}") for name in gone]
    for path, text in texts_of(tree):
        findings += check_marks(path, text, given)
        cited = [(match.start(), number) for match in _CITED.finditer(text)
                 for number in re.findall(r"[TU]?\d+", match.group(1))]
        if path.endswith(".md") and path != THREATS:
            cited += [(m.start(), m.group(0)) for m in _ALONE.finditer(text)]
        for at, number in sorted(set(cited)):
            if not re.fullmatch(_NUMBER, number):
                what = f"a threat is cited as T57 ({THREATS}), not as {number}"
            elif number not in given:
                what = f"{THREATS} has no row {number}"
            else:
                continue
            findings.append(Finding(path, line_of(text, at), what))
    return findings


def check_marks(path, text, given):
    """// [T02, T06] right above a test, which the rows of these numbers name."""
    findings = []
    for mark in _MARK.finditer(text):
        line = line_of(text, mark.start())
        if not re.fullmatch(rf"{_NUMBER}(?:, {_NUMBER})*", mark.group(1)):
            findings.append(Finding(path, line, "the numbers above a test are written // [T02, T06]"))
            continue
        test = (_GO if path.endswith(".go") else _GTEST).match(text, mark.end())
        if test is None:
            findings.append(Finding(path, line, f"[{mark.group(1)}] stands above no test"))
            continue
        name = ".".join(test.groups())
        for number in mark.group(1).split(", "):
            if number not in given:
                findings.append(Finding(path, line, f"{THREATS} has no row {number}"))
            elif name not in given[number]:
                findings.append(Finding(path, line, f"the row {number} of {THREATS} does not name {name}"))
    return findings


# docs/pipelock.md: ## 6. Heading

def check_sections(tree):
    findings = []
    known = set(re.findall(rf"^#+ ({_SECTION})\.? ", tree.files.get(PIPELOCK, ""), re.MULTILINE))
    for path, text in texts_of(tree):
        for match in _SECTIONS.finditer(text):
            findings += [Finding(path, line_of(text, match.start()), f"{PIPELOCK} has no section {number}")
                         for number in re.findall(_SECTION, match.group(1)) if number not in known]
        findings += [Finding(path, line_of(text, match.start()), f"cite {PIPELOCK}, section N")
                     for match in _NAMELESS.finditer(text)]
    return findings


def check_named(tree, tests):
    """`TestName` and `TestBegin…` in documents, and what scripts/run-tests measures."""
    findings = []
    go = {name for name in tests if "." not in name}
    for path, text in texts_of(tree):
        if not path.endswith(".md") or path == THREATS:
            continue
        for match in re.finditer(r"`([^`\n]+)`", text):
            word, exists = match.group(1), True
            name = _GO_NAME.fullmatch(word)
            if name and name.group(2):
                exists = any(test.startswith(name.group(1)) for test in go)
            elif name or (path == PIPELOCK and _GTEST_NAME.fullmatch(word)):
                exists = word in tests
            if not exists:
                findings.append(Finding(path, line_of(text, match.start()), f"there is no test {word}"))
    text = tree.files.get(RUN_TESTS, "")
    # MEASURING and LATER_CONTRACT: patterns of tests' names, perhaps in several strings.
    for pattern in re.finditer(r'^[A-Z_]+ = \(?((?:\s*"[^"]*")+)', text, re.MULTILINE):
        begins = re.search(r"\^Test\((.*)\)", "".join(re.findall(r'"([^"]*)"', pattern.group(1))))
        if begins:
            findings += [Finding(RUN_TESTS, line_of(text, pattern.start()), f"no test begins with Test{begin}")
                         for begin in begins.group(1).split("|")
                         if not any(name.startswith("Test" + begin) for name in go)]
    return findings
