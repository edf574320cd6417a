"""Coroutine shapes that g++ 12 miscompiles, or that end in a dangling frame anywhere (docs/decisions/001-clang-ships.md).

Finds each statement that awaits and looks at what shares it: g++ 12 destroys some temporaries of such a statement
twice. What is allowed stands in tests/canary and is compiled and run with both compilers.
"""
import re
from dataclasses import dataclass, field

from .tree import Finding, blank, line_of

TOPS = ("proxy", "certs", "launcher", "tests")
# Where coroutines are started; everyone else asks a TaskGroup. `detached` loses exceptions everywhere.
MAY_SPAWN = ("proxy/base/", "tests/")

_TOKEN = re.compile(r"[A-Za-z_]\w*|->|::|<<=|>>=|[-+*/%&|^<>=!]=|&&|\|\||\+\+|--|\d[\w.']*|\S")
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_TYPE_WORDS = {"class", "struct", "enum", "union", "namespace", "extern"}
_BLOCK_AFTER = {"else", "do", "try", "noexcept", "const", "override", "final", "mutable", ")", ";", "{", ":"}


@dataclass
class Statement:
    """The tokens of one statement; the blocks inside it (lambda bodies) are left out."""
    tokens: list = field(default_factory=list)   # (text, offset)
    braces: list = field(default_factory=list)   # index of each token that opens a braced initialiser
    lambdas: list = field(default_factory=list)  # (offset, captures) of each lambda


def parse(text):
    """Yields every Statement, and every lambda that is a coroutine as (offset, captures)."""
    code = _DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), blank(text))
    statements, coroutines = [], []
    # A frame: its opening, the statement it collects, whether the block is a lambda (offset, captures) and awaits.
    stack = [{"open": "block", "statement": Statement(), "lambda": None, "awaits": False}]
    intro = None  # (offset, captures) of a lambda whose body has not begun

    def finish(frame):
        if frame["statement"].tokens:
            statements.append(frame["statement"])
        frame["statement"] = Statement()

    def block_of():
        return next(f for f in reversed(stack) if f["open"] == "block")

    for match in _TOKEN.finditer(code):
        token, at = match.group(0), match.start()
        statement = stack[-1]["statement"]
        tokens = statement.tokens
        last = tokens[-1][0] if tokens else ""
        if token in ("co_await", "co_return", "co_yield"):
            block_of()["awaits"] = True
        if token == "[" and not re.match(r"[\w)\]]", last or ";") or token == "[" and last in ("return", "co_return"):
            end = code.find("]", at)
            if not code.startswith("[[", at) and code[at - 1] != "[" and last not in ("auto", "&", "&&"):
                intro = (at, code[at + 1:end].strip())
                statement.lambdas.append(intro)
        if token in "([":
            stack.append({"open": token, "statement": statement, "lambda": None, "awaits": False})
            tokens.append((token, at))
        elif token in ")]":
            if len(stack) > 1 and stack[-1]["open"] in "([":
                stack.pop()
            tokens.append((token, at))
        elif token == "{":
            if opens_block(tokens, intro):
                is_lambda, intro = (intro, None) if intro else (None, None)
                stack.append({"open": "block", "statement": Statement(), "lambda": is_lambda, "awaits": False})
            else:
                statement.braces.append(len(tokens))
                tokens.append((token, at))
                stack.append({"open": "init", "statement": statement, "lambda": None, "awaits": False})
        elif token == "}":
            while len(stack) > 1 and stack[-1]["open"] in "([":
                stack.pop()
            frame = stack.pop() if len(stack) > 1 else stack[0]
            if frame["open"] == "init":
                tokens.append((token, at))
                continue
            finish(frame)
            if frame["lambda"] and frame["awaits"]:
                coroutines.append(frame["lambda"])
            if frame["lambda"]:
                stack[-1]["statement"].tokens.append(("}", at))  # its statement goes on
            elif stack[-1]["open"] == "block":
                finish(stack[-1])
        elif token == ";" and stack[-1]["open"] == "block":
            finish(stack[-1])
            intro = None
        else:
            tokens.append((token, at))
    return statements, coroutines


def opens_block(tokens, intro):
    """Whether a `{` after these tokens opens a block (else it opens a braced initialiser)."""
    if not tokens:
        return True
    last = tokens[-1][0]
    if last == "]":
        return intro is not None
    if any(t in _TYPE_WORDS for t, _ in tokens[:4]) and "=" not in [t for t, _ in tokens] and "(" not in [t for t, _ in tokens]:
        return True
    if last in _BLOCK_AFTER:
        return True
    if last == "}":  # after a member initialiser in a constructor
        return True
    # `) -> Type {`: walk back over the type.
    for text, _ in reversed(tokens):
        if text == "->":
            return True
        if not re.fullmatch(r"\w+|::|[<>,*&]|&&|>>", text):
            return False
    return False


def check(tree):
    findings = []
    for path, text in tree.sources(*TOPS):
        statements, coroutines = parse(text)
        for offset, captures in coroutines:
            if captures:
                findings.append(Finding(path, line_of(text, offset), "a lambda with captures is a coroutine: its captures "
                                        "die with the lambda, not with the frame; use a function with parameters"))
        for statement in statements:
            for offset, what in look_at(statement):
                findings.append(Finding(path, line_of(text, offset), what))
        spawning = r"\bdetached\b" if path.startswith(MAY_SPAWN) else r"\b(?:co_spawn\s*\(|detached\b)"
        for match in re.finditer(spawning, blank(text)):
            findings.append(Finding(path, line_of(text, match.start()),
                                    "only TaskGroup::spawn starts coroutines, so that someone waits for them"))
        if path.startswith(MAY_SPAWN):
            continue
        for match in re.finditer(r"\buse_(?:tuple|awaitable)\w*\b", blank(text)):
            findings.append(Finding(path, line_of(text, match.start()),
                                    "an operation of Asio that a coroutine awaits begins through proxy/base/io_wait.h: "
                                    "without memory for it the coroutine would be lost"))
    return sorted(findings, key=lambda f: (f.path, f.line))


def look_at(statement):
    words = [token for token, _ in statement.tokens]
    for index in range(len(words) - 1):
        if words[index] == "co_return" and words[index + 1] == "{":
            yield statement.tokens[index][1], "co_return {…} does not compile on Asio; name the type"
    awaits = [i for i, word in enumerate(words) if word == "co_await"]
    if not awaits:
        return
    first = statement.tokens[awaits[0]][1]
    if len(awaits) > 1:
        yield first, "more than one co_await in a statement; name each result"
    if "?" in words:
        yield first, "co_await and ?: in one statement; use if and else"
    if statement.braces:
        yield first, "co_await and a braced temporary in one statement; name the object first"
    if any(captures for _, captures in statement.lambdas):
        yield first, "co_await and a capturing lambda in one statement; name the lambda first"
    if "new" in words:
        yield first, "co_await inside a new expression; await first"
    if words[0] == "else":
        words = words[1:]
        awaits = [i - 1 for i in awaits]
    if words[0] in ("if", "while", "switch") and not declares(words, awaits[0]) and in_condition(words, awaits[0]):
        yield first, f"co_await in the condition of {words[0]}; name the result first"


def declares(words, at):
    """`if (auto x = co_await f(); x)` and `while (auto x = co_await f())` name their result."""
    depth, equals = 0, False
    for word in words[:at]:
        depth += {"(": 1, ")": -1}.get(word, 0)
        equals = equals or (word == "=" and depth == 1)
    return equals and "auto" in words[:at]


def in_condition(words, at):
    depth = 0
    for index, word in enumerate(words[:at]):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word == ")":
            return False
    return depth > 0
