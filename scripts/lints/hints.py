"""What a message tells a person or an agent to set exists: options, routes, limits, settings, keys of the manifest.

Reads each sentence in the source (adjacent literals are one). Hints are the sentences of bottle-proxy that begin with a
capital letter (or behind the end of one). A hint that names nothing one can set ("in the configuration") is a finding too: its reader searches for
something that is not there. What a hint of bottle-proxy names is also in docs/manifest.md or docs/config.md; a key in quotes
is one that the manifest's reader has an example of; a command in backquotes (`bottle allow`) is in the table of commands.
"""
import re

from .tree import Finding, blank, line_of

_LITERALS = re.compile(r'"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*')
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")
_ROUTE = re.compile(r"\broute ([a-z][a-z-]*)")
_SETTING = re.compile(r"(?<![\w/.-])([a-z][a-z0-9]*(?:_[a-z0-9]+)+)(?![\w/(-])")
_KEY = re.compile(r'\\"([a-z_]+)\\"')
_COMMAND = re.compile(r"`bottle ([a-z][a-z-]*)")
_VAGUE = re.compile(r"\b(?:in|by|of) (?:its|the|the \w+'s|the \w+ \w+'s) (?:configuration|settings?)\b")
# Options of programs that a message tells somebody to run.
_FOREIGN = {"reinstall": "apt-get", "security-opt": "docker", "http2": "curl", "noproxy": "curl", "post-file": "wget", "body-file": "wget", "no-gpg-sign": "git"}
# Words behind "route" that name none.
_NOT_A_ROUTE = {"is", "that", "to", "of", "for", "and", "or"}


def sentences(text):
    """(offset, text) of each literal, or run of adjacent ones, of at least three words."""
    code = blank(text, strings=False)
    for match in _LITERALS.finditer(code):
        joined = "".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', match.group(0)))
        if len(joined.split()) >= 3:
            yield match.start(), joined


def options_of(tree):
    """Of both programs; empty if the tree has none."""
    found = set(re.findall(r'OptionRow\{\s*"([\w-]+)"', tree.files.get("proxy/config/options.cc", "")))
    for path, text in tree.sources("launcher"):
        if not path.startswith("launcher/backend/"):
            found |= set(re.findall(r'"(?:-\w,)?--([\w-]+)"', text))
    return found | {"config", "help", "version"} if found else set()


def routes_of(tree):
    return set(re.findall(r'RouteRow\{Route::\w+, "([\w-]+)"', tree.files.get("proxy/contract/route.h", "")))


def settings_of(tree):
    """Limits, keys of the manifest, and settings of pipelock that the documents or the written configuration have."""
    known = set(re.findall(r'BOTTLE_(?:MS|N)\("(\w+)",', tree.files.get("proxy/config/limits.cc", "")))
    for path, text in tree.files.items():
        if path == "docs/manifest.md" or path == "docs/the-exit.md":
            known |= set(re.findall(r"`\"?([a-z]\w*)\"?`", text))
        if path in ("docker/compose.yaml", "launcher/plan/pipelock_config.cc"):
            known |= set(re.findall(r"\b([a-z]+(?:_[a-z]+)+):", text))
    return known


def manifest_keys_of(tree):
    """Keys that the manifest's reader has an example of; empty if the tree has no reader."""
    return set(re.findall(r'Example\{"(\w+)"', tree.files.get("launcher/manifest/manifest_examples.cc", "")))


def commands_of(tree):
    return set(re.findall(r'\{\.name = "([a-z-]+)",\s*\.summary', tree.files.get("launcher/command/commands.cc", "")))


def undocumented(tree, names):
    """The options that neither page on settings has."""
    pages = [tree.files[path] for path in ("docs/manifest.md", "docs/config.md") if path in tree.files]
    return [name for name in names if pages and not any(f"--{name}" in page for page in pages)]


def check(tree):
    options, routes, settings = options_of(tree), routes_of(tree), settings_of(tree)
    keys, commands = manifest_keys_of(tree), commands_of(tree)
    if not options:
        return []
    findings = []
    for path, text in tree.sources("proxy", "certs", "launcher"):
        if path.startswith("launcher/backend/"):
            continue  # speaks to programs that have options of their own
        for at, sentence in sentences(text):
            wrong = [f"there is no option --{name}" for name in _OPTION.findall(sentence) if name not in options | set(_FOREIGN)]
            wrong += [f"there is no command bottle {name}" for name in _COMMAND.findall(sentence)
                      if commands and name not in commands]
            wrong += [f"there is no route {name}" for name in _ROUTE.findall(sentence) if name not in routes | _NOT_A_ROUTE]
            if sentence.lstrip(" .,;:)")[:1].isupper() and not path.startswith("launcher/"):
                named = _SETTING.findall(sentence) + _KEY.findall(sentence)
                wrong += [f"there is no setting {name}" for name in named if name not in settings]
                wrong += [f"the manifest has no key {name}" for name in _KEY.findall(sentence) if keys and name not in keys]
                wrong += [f"--{name} is neither in docs/manifest.md nor in docs/config.md"
                          for name in undocumented(tree, [name for name in _OPTION.findall(sentence) if name in options])]
                if _VAGUE.search(sentence) and not named and not _OPTION.search(sentence):
                    wrong.append("names no setting: say which one, or leave it out")
            findings += [Finding(path, line_of(text, at), what) for what in wrong]
    return findings
