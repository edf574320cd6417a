"""The dependency rule of docs/architecture.md: who may include what, and which files do no I/O. Every include, those of
the tests too, is written from the root of the repository."""
import re

from .tree import Finding

# Both programs rest on it: everything may include it.
CONTRACT = "proxy/contract"
# Directory -> the directories (or single headers) it may include besides itself and the contract. Longest match wins.
LAYERS = {
    "proxy/contract": (),
    "proxy/base": (),
    "proxy/http": ("proxy/base",),
    "proxy/http/websocket": ("proxy/base", "proxy/http", "certs/digest.h", "certs/random_bytes.h"),
    "certs": ("proxy/base",),
    "proxy/tls": ("proxy/base", "certs"),
    "proxy/guard": ("proxy/base", "proxy/http", "proxy/guard/shapes", "proxy/guard/views", "certs/digest.h"),
    "proxy/guard/shapes": ("proxy/base", "proxy/http", "proxy/guard/finding.h", "certs/digest.h"),
    "proxy/guard/views": ("proxy/base",),
    "proxy/guard/compile": ("proxy/base", "proxy/guard", "proxy/guard/shapes"),
    "proxy/guard/answers": ("proxy/base", "proxy/http", "proxy/guard", "proxy/guard/views"),
    "proxy/guard/answers/compile": ("proxy/guard", "proxy/guard/answers", "proxy/guard/compile"),
    "proxy/ledger": ("proxy/base", "proxy/http", "certs/digest.h"),
    "proxy/body": ("proxy/base", "proxy/http", "proxy/guard", "proxy/guard/answers", "proxy/guard/views"),
    "proxy/shown": ("proxy/base", "proxy/http", "proxy/guard", "proxy/ledger", "proxy/body"),
    "proxy/upstream": ("proxy/base", "proxy/http", "proxy/tls", "proxy/guard", "certs/server_name.h"),
    "proxy/credentials": ("proxy/base", "proxy/http", "proxy/guard", "proxy/guard/shapes", "proxy/body", "proxy/upstream",
                          "certs/digest.h"),
    "proxy/scanner": ("proxy/base", "proxy/http", "proxy/ledger", "proxy/body", "proxy/shown", "proxy/upstream",
                      "certs/digest.h"),
    "proxy/flow": ("proxy/base", "proxy/http", "proxy/http/websocket", "proxy/guard", "proxy/guard/answers", "proxy/body", "proxy/upstream", "proxy/tls/name_gate.h",
                   "certs/digest.h"),
    "proxy/exit": ("proxy/base", "proxy/http", "proxy/guard", "proxy/ledger", "proxy/body", "proxy/shown", "proxy/upstream",
                   "proxy/flow", "proxy/tls", "certs"),
    "proxy/config": ("proxy/base", "proxy/http", "proxy/guard", "proxy/ledger", "proxy/body",
                     "proxy/upstream", "proxy/scanner", "proxy/flow", "proxy/exit", "proxy/tls", "certs"),
    "proxy/listen": ("proxy/base", "proxy/guard", "proxy/config"),
    "proxy/control": ("proxy/base", "proxy/http", "proxy/guard", "proxy/flow/policy.h",
                      "proxy/flow/ask_book.h"),
    "proxy/desk": ("proxy/base", "proxy/http", "proxy/tls", "proxy/upstream", "proxy/flow", "proxy/config"),
    "proxy/sandbox": (),
    "proxy/keeper": ("certs", "proxy/base", "proxy/sandbox"),
    "proxy": ("proxy/base", "proxy/http", "proxy/guard", "proxy/guard/answers", "proxy/ledger", "proxy/body", "proxy/upstream",
              "proxy/credentials", "proxy/scanner", "proxy/flow", "proxy/exit", "proxy/config", "proxy/listen", "proxy/desk", "proxy/control", "proxy/keeper", "proxy/sandbox", "proxy/tls",
              "certs"),
    "launcher/process": (),
    "launcher/manifest": ("launcher/process",),
    "launcher/plan": ("launcher/process", "launcher/manifest"),
    "launcher/lifetime": ("launcher/process", "launcher/plan"),
    "launcher/backend": ("launcher/process", "launcher/plan", "launcher/lifetime"),
    "launcher/backend/local": ("launcher/process", "launcher/manifest", "launcher/plan",
                               "launcher/lifetime", "launcher/backend"),
    "launcher/backend/docker": ("launcher/process", "launcher/manifest", "launcher/plan",
                                "launcher/lifetime", "launcher/backend"),
    "launcher/demo": ("launcher/process", "launcher/plan", "launcher/manifest", "launcher/lifetime"),
    "launcher/watch": ("launcher/process",),
    "launcher/command": ("launcher/process", "launcher/plan", "launcher/manifest",
                         "launcher/lifetime", "launcher/backend", "launcher/demo", "launcher/watch"),
    "launcher": ("launcher/process", "launcher/plan", "launcher/manifest", "launcher/lifetime",
                 "launcher/backend", "launcher/command"),
}
# The one file of the launcher that sees every backend: it has their table.
BACKEND_TABLE = "launcher/main.cc"

# Everything in these does no I/O and knows no event loop, except the files named after it.
SANS_IO = {
    "certs": (),
    "proxy/contract": (),
    "proxy/guard": (),
    "proxy/guard/shapes": (),
    "proxy/guard/answers": (),
    "proxy/guard/views": (),
    "proxy/http": ("body", "exchange", "handler", "session", "http1_session", "http1_session_read", "http1_session_send",
                   "http2_session", "http2_session_read", "http2_stream", "h2_wire"),
    "proxy/http/websocket": (),
}
# And these single files of directories that otherwise do I/O.
SANS_IO_FILES = {
    "proxy/base/result", "proxy/base/failure", "proxy/base/bytes", "proxy/base/move_table",
    "proxy/credentials/aws_signature", "proxy/credentials/basic_field", "proxy/credentials/credential_set", "proxy/credentials/credential_use",
    "proxy/credentials/locked_bytes", "proxy/credentials/text_swap",
    "proxy/tls/client_hello", "proxy/tls/hello_gate", "proxy/tls/name_gate", "proxy/tls/tls_machine",
    "proxy/upstream/h1_client_machine",
    "proxy/body/body_scan", "proxy/body/content_decoder", "proxy/scanner/pipelock_verdict",
    "proxy/body/aws_chunks", "proxy/body/codings", "proxy/body/decode_space", "proxy/body/decoder_chain",
    "proxy/body/pack_reader", "proxy/body/sse_comments", "proxy/body/text_inflater", "proxy/body/zstd_blocks",
    "proxy/scanner/sse_match", "proxy/scanner/answer_kind", "proxy/desk/sniff",
    "proxy/flow/ask_book", "proxy/flow/audit", "proxy/flow/policy", "proxy/flow/policy_gate",
    "proxy/exit/dns_answer", "proxy/exit/exit_check", "proxy/control/control_message", "proxy/control/secret_book",
    "proxy/control/policy_book",
    "proxy/ledger/admission", "proxy/ledger/rewrites", "proxy/ledger/ticket",
}

# Library header -> the places that may include it (a directory with its slash, or a file without its ending).
LIBRARIES = {
    r"openssl/": ("certs/", "proxy/tls/", "launcher/plan/java_trust_store"),
    r"nghttp2/": ("proxy/http/h2_core", "proxy/http/h2_core_memory", "proxy/http/h2_engine", "proxy/http/h2_client_engine"),
    r"llhttp\.h": ("proxy/http/h1_parser",),
    r"hs/": ("proxy/guard/matcher",),
    r"(zlib\.h|brotli/|zstd\.h)": ("proxy/body/",),
    r"ares\.h": ("proxy/upstream/system_names",),
    r"(curses|term)\.h": ("launcher/watch/terminal",),
    r"CLI/": ("proxy/config/", "launcher/command/"),
}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
TOPS = ("proxy", "certs", "launcher")
_DOCUMENT = "docs/architecture.md"
_DOCUMENT_ROW = re.compile(r"^\| `((?:proxy|certs|launcher)[\w/]*)` \|", re.MULTILINE)


def includes_of(text):
    """(line, path or None, library or None) for each include."""
    for match in _INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1), match.group(2)


def layer_of(path):
    directory = path.rsplit("/", 1)[0]
    while directory and directory not in LAYERS:
        directory = directory.rpartition("/")[0]
    return directory


def stem(path):
    return path.rsplit(".", 1)[0]


def is_sans_io(path):
    if stem(path) in SANS_IO_FILES:
        return True
    directory, _, name = path.rpartition("/")
    return directory in SANS_IO and name.rsplit(".", 1)[0] not in SANS_IO[directory]


def check(tree):
    findings = check_root(tree) + check_table(tree)
    for path, text in tree.sources(*TOPS):
        listed = list(includes_of(text))
        layer = layer_of(path)
        for line, project, library in listed:
            if project:
                findings += check_layer(path, layer, line, project, tree)
            else:
                for pattern, places in LIBRARIES.items():
                    if re.match(pattern, library) and not any(
                            path.startswith(p) if p.endswith("/") else stem(path) == p for p in places):
                        findings.append(Finding(path, line, f"<{library}> belongs to {', '.join(places)} alone"))
        if path.endswith(".h") and "#pragma once" not in text:
            findings.append(Finding(path, 1, "a header starts with #pragma once"))
        own = stem(path) + ".h"
        if path.endswith(".cc") and own in tree.files and listed and listed[0][1] != own:
            findings.append(Finding(path, listed[0][0], f'its own header comes first: #include "{own}"'))
        if is_sans_io(path):
            chain = way_to_asio(path, tree, set())
            if chain:
                findings.append(Finding(path, 1, "does no I/O, but reaches Asio: " + " > ".join(chain)))
    return findings


def check_table(tree):
    """A directory without a row would have its parent's; the document's table has the same rows."""
    findings = []
    places = {path.rsplit("/", 1)[0]: path for path, _ in tree.sources(*TOPS)}
    for directory, path in sorted(places.items()):
        if directory not in LAYERS:
            findings.append(Finding(path, 1, f"{directory} has no row in LAYERS (scripts/lints/includes.py)"))
    if _DOCUMENT in tree.files:
        written = set(_DOCUMENT_ROW.findall(tree.files[_DOCUMENT]))
        findings += [Finding(_DOCUMENT, 1, f"the table of modules has no row for {directory}")
                     for directory in sorted(set(LAYERS) - written)]
        findings += [Finding(_DOCUMENT, 1, f"{directory} has no row in LAYERS (scripts/lints/includes.py)")
                     for directory in sorted(written - set(LAYERS))]
    return findings


def check_root(tree):
    """Tests may include all of the project, and write it from the root of the repository as everything does."""
    return [Finding(path, line, not_from_root(project))
            for path, text in tree.sources("tests")
            for line, project, _ in includes_of(text) if project and project not in tree.files]


def not_from_root(project):
    return f'"{project}" is not in the tree; includes are written from its root'


def check_layer(path, layer, line, project, tree):
    if project not in tree.files:
        return [Finding(path, line, not_from_root(project))]
    target = layer_of(project)
    if target == layer or target == CONTRACT or target in LAYERS.get(layer, ()) or project in LAYERS.get(layer, ()):
        return []
    if path == BACKEND_TABLE and target.startswith("launcher/backend/"):
        return []
    return [Finding(path, line, f"{layer} may not include {target} (\"{project}\")")]


def way_to_asio(path, tree, seen):
    """The includes that lead from `path` to Asio, or []."""
    if path in seen or path not in tree.files:
        return []
    seen.add(path)
    for _, project, library in includes_of(tree.files[path]):
        if library and library.startswith("boost/asio"):
            return [path, f"<{library}>"]
        if project:
            rest = way_to_asio(project, tree, seen)
            if rest:
                return [path] + rest
    return []
