"""The documents say what the code says: errors, limits, options, exit codes; links and make targets exist."""
import re

from .tree import Finding, blank, line_of


def check(tree):
    findings = []
    for part in (check_errors, check_limits, check_options, check_exit_codes, check_links, check_targets):
        findings += part(tree)
    return findings


def rows(text):
    """(line, cells) of each table row of a Markdown text."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line):
            yield number, [cell.strip() for cell in line.strip().strip("|").split("|")]


def words_in(cell):
    return re.findall(r"`([^`]+)`", cell)


def snake(name):
    return re.sub(r"(?<!^)([A-Z0-9]+)", lambda m: "_" + m.group(1), name).upper()


# docs/errors.md against the table in failure.cc: | `Code` | `word` | status | h2 code | closes | log |
# and, for gRPC: | STATUS (number) | `Code`, … |

_TRAITS = re.compile(r'FailureTraits\{\s*Code::(\w+),\s*problem_code::(\w+),\s*(\d+),\s*"(?:[^"\\]|\\.)*",\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*(\w+),\s*(true|false),'
                     r'\s*LogLevel::(\w+),\s*(\w+),\s*\w+\}')


def problem_words(tree):
    """constant -> word"""
    return dict(re.findall(r'constexpr std::string_view (k\w+)\s*=\s*"(\w+)";', tree.files.get("proxy/contract/problem_codes.h", "")))


def check_errors(tree):
    code_file, document = "proxy/base/failure.cc", "docs/errors.md"
    if code_file not in tree.files:
        return []
    text = tree.files.get(document, "")
    expected = {}
    grpc_of = {}
    words = problem_words(tree)
    for code, word, status, _, h2, closes, level, grpc in _TRAITS.findall(tree.files[code_file]):
        if status != "0":
            grpc_of[code] = snake(grpc)
        expected[code] = [f"`{words.get(word)}`", "–" if status == "0" else status, snake(h2), "closes" if closes == "true" else "stays",
                          level.lower()]
    if not expected:
        return [Finding(code_file, 1, "the table of failures is not laid out as scripts/lints/docs.py reads it")]
    findings, seen = [], set()
    for line, cells in rows(text):
        names = words_in(cells[0])
        status = re.fullmatch(r"([A-Z_]+) \(\d+\)", cells[0])
        if status:
            for name in words_in(cells[1]):
                if grpc_of.pop(name, None) != status.group(1):
                    findings.append(Finding(document, line, f"{code_file} gives {name} another gRPC status"))
        if len(names) != 1 or names[0] not in expected:
            continue
        seen.add(names[0])
        if cells[1:6] != expected[names[0]]:
            findings.append(Finding(document, line, f"{code_file} says {' | '.join(expected[names[0]])}"))
    findings += [Finding(document, 1, f"no row for `{name}`") for name in expected if name not in seen]
    findings += [Finding(document, 1, f"`{name}` stands in no row of a gRPC status") for name in grpc_of]
    return findings


# docs/limits.md against every struct of limits: a heading with the struct's name, | `member` | default | `--limit` name | why |

# The structs that hold limits. HandshakeLimits is a parameter, not a bound of its own.
_STRUCT = re.compile(r"\bstruct ((?!HandshakeLimits)\w*(?:Limits|PipelockOptions)) \{")
_MEMBER = re.compile(r"^\s*(?:std::chrono::(\w+)|std::(?:size_t|u?int\d+_t)|std::filesystem::path|Bucket|int|unsigned)\s+(\w+)\s*(?:=\s*([^;]+)|\{([^}]*)\});",
                     re.MULTILINE)
_LIMIT_ROW = re.compile(r'BOTTLE_(?:MS|N)\("(\w+)",')
_BOUND = re.compile(r"\bconstexpr (?:std::size_t|int|std::uint\d+_t) (kM(?:ax|in)\w*|kMatchedSecret|kPipelockBlockBody|kSniffBytes) = ([^;]+);")


def value_of(text):
    """The number that a C++ constant expression of digits, *, << and + stands for; None if it is none."""
    plain = re.sub(r"(?<=\d)'(?=\d)", "", text)
    plain = re.sub(r"(?<=\d)[uUlL]+", "", plain)
    if not re.fullmatch(r"[\d\s*+<()]+", plain):
        return None
    return eval(plain)  # digits and operators only, see above


def renderings(unit, text):
    """How a document may write this default."""
    if text.startswith('"'):
        return {f"`{text.strip(chr(34))}`"}
    parts = [value_of(part) for part in text.split(",")]
    if len(parts) == 2 and None not in parts:  # a bucket
        return {f"{parts[0]}, then {parts[1]} a second"}
    number = parts[0]
    if number is None:
        return set()
    if unit == "milliseconds":
        return {f"{number // 1000} s"} if number and number % 1000 == 0 else {f"{number} ms"}
    if unit in ("seconds", "minutes", "hours"):
        return {f"{number} {dict(seconds='s', minutes='min', hours='h')[unit]}"}
    found = {str(number)}
    for power, name in ((20, "MiB"), (10, "KiB")):
        if number and number % (1 << power) == 0:
            found.add(f"{number >> power} {name}")
    if number == 0:
        found.add("none")
    return found


def structs_of(tree):
    """name -> (path, {member: (unit, default text)})"""
    found = {}
    for path, text in tree.sources("proxy", "certs"):
        if not path.endswith(".h"):
            continue
        code = blank(text, strings=False)
        for match in _STRUCT.finditer(code):
            depth, end = 1, match.end()
            while depth and end < len(code):
                depth += {"{": 1, "}": -1}.get(code[end], 0)
                end += 1
            body = code[match.end():end]
            body = re.sub(r"\[\[nodiscard\]\] static[^{]*\{.*?\n  \}", "", body, flags=re.DOTALL)
            members = {name: (unit, (assigned or braced or "0").strip())
                       for unit, name, assigned, braced in _MEMBER.findall(body)}
            if members:
                found[match.group(1)] = (path, members)
    return found


def check_limits(tree):
    document = "docs/limits.md"
    structs = structs_of(tree)
    if not structs:
        return []
    text = tree.files.get(document, "")
    findings, section, seen, flags = [], None, set(), set()
    sections = {name for name in structs}
    heading_of = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#"):
            names = [w for w in words_in(line) if w in sections]
            section = names[0] if names else None
        heading_of[number] = section
    for line, cells in rows(text):
        names = words_in(cells[0])
        struct = heading_of[line]
        if len(cells) == 4 and cells[2] != "`--limit`":
            flags.update(words_in(cells[2]))
        if struct is None or len(names) != 1:
            continue
        members = structs[struct][1]
        if names[0] not in members:
            findings.append(Finding(document, line, f"{struct} in {structs[struct][0]} has no {names[0]}"))
            continue
        seen.add((struct, names[0]))
        allowed = renderings(*members[names[0]])
        if allowed and cells[1] not in allowed:
            findings.append(Finding(document, line, f"{struct}::{names[0]} is {' or '.join(sorted(allowed))}, not {cells[1]}"))
    for struct, (path, members) in structs.items():
        findings += [Finding(document, 1, f"{struct}::{name} ({path}) is missing") for name in members
                     if (struct, name) not in seen]
    table = tree.files.get("proxy/config/limits.cc", "")
    known = set(_LIMIT_ROW.findall(table))
    findings += [Finding(document, 1, f"--limit {name} is missing") for name in sorted(known - flags)]
    findings += [Finding(document, 1, f"there is no --limit {name}") for name in sorted(flags - known)]
    findings += check_bounds(tree, document, text)
    return findings


def check_bounds(tree, document, text):
    """Fixed bounds in headers: | `kMaxThing` | value | why |"""
    findings = []
    given = {words_in(cells[0])[0]: (line, cells) for line, cells in rows(text) if words_in(cells[0])}
    for path, source in tree.sources("proxy", "certs"):
        if not path.endswith(".h"):
            continue
        for name, value in _BOUND.findall(blank(source)):
            if name not in given:
                findings.append(Finding(document, 1, f"{name} ({path}) is missing"))
                continue
            line, cells = given[name]
            allowed = renderings(None, value)
            if allowed and cells[1] not in allowed:
                findings.append(Finding(document, line, f"{name} is {' or '.join(sorted(allowed))}, not {cells[1]}"))
    return findings


# docs/config.md: one row an option, `--name`.

def check_options(tree):
    code_file, document = "proxy/config/options.cc", "docs/config.md"
    if code_file not in tree.files:
        return []
    known = set(re.findall(r'OptionRow\{\s*"([\w-]+)"', tree.files[code_file])) | {"config"}
    given = {}
    for line, cells in rows(tree.files.get(document, "")):
        for word in words_in(cells[0]):
            match = re.match(r"--([\w-]+)", word)
            if match:
                given.setdefault(match.group(1), line)
    return ([Finding(document, 1, f"--{name} is missing") for name in sorted(known - set(given))] +
            [Finding(document, given[name], f"bottle-proxy has no --{name}") for name in sorted(set(given) - known)])


# docs/exit-codes.md: a section for each program, | code | ...

_EXIT_CODES = "proxy/contract/exit_code.h"
# The comment above a block of the enumeration -> the programs that end with its codes.
_BLOCKS = {"// Both programs": ("bottle", "bottle-proxy"), "// bottle-proxy": ("bottle-proxy",), "// `bottle`": ("bottle",)}


def exit_codes_of(text):
    """Program -> its codes."""
    known, programs = {"bottle": set(), "bottle-proxy": set()}, ()
    for line in text.split("\n"):
        start = next((block for block in _BLOCKS if line.strip().startswith(block)), None)
        programs = _BLOCKS[start] if start else programs
        code = re.match(r"\s*k[A-Z]\w* = (\d+),", line)
        for program in programs if code else ():
            known[program].add(int(code.group(1)))
    return known


def check_exit_codes(tree):
    document, findings = "docs/exit-codes.md", []
    given, program = {}, None
    for number, line in enumerate(tree.files.get(document, "").split("\n"), 1):
        if line.startswith("#"):
            program = next(iter(w for w in words_in(line) if w in ("bottle", "bottle-proxy")), None)
        match = re.match(r"\|\s*(\d+)\s*\|", line)
        if match and program:
            given.setdefault(program, {})[int(match.group(1))] = number
    if _EXIT_CODES not in tree.files:
        return findings
    for name, known in exit_codes_of(tree.files[_EXIT_CODES]).items():
        listed = given.get(name, {})
        findings += [Finding(document, 1, f"{name} ends with {code} too") for code in sorted(known - set(listed))]
        findings += [Finding(document, listed[code], f"{name} never ends with {code}") for code in sorted(set(listed) - known)]
    return findings


def check_links(tree):
    findings = []
    for path, text in sorted(tree.files.items()):
        if not path.endswith(".md"):
            continue
        for match in re.finditer(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            base = path.rsplit("/", 1)[0] if "/" in path else ""
            target = normalise(f"{base}/{match.group(1)}" if base else match.group(1))
            if target not in tree.files and not any(name.startswith(target.rstrip("/") + "/") for name in tree.files):
                findings.append(Finding(path, line_of(text, match.start()), f"{match.group(1)} does not exist"))
    return findings


def normalise(path):
    parts = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in (".", ""):
            parts.append(part)
    return "/".join(parts)


def check_targets(tree):
    targets = set(re.findall(r"^([a-z-]+):", tree.files.get("Makefile", ""), re.MULTILINE))
    findings = []
    for path, text in sorted(tree.files.items()):
        if path.endswith(".md"):
            for match in re.finditer(r"`make ([a-z-]+)[^`]*`|^\s*make ([a-z-]+)", text, re.MULTILINE):
                name = match.group(1) or match.group(2)
                if name not in targets:
                    findings.append(Finding(path, line_of(text, match.start()), f"there is no make {name}"))
    return findings
