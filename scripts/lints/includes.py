"""The dependency rule of docs/architecture.md: who may include what, and which files do no I/O."""
import re

from .tree import Finding

# Directory -> the directories (or single headers) it may include besides itself. Longest match wins.
LAYERS = {
    "proxy/base": (),
    "proxy/http": ("proxy/base",),
    "certs": ("proxy/base",),
    "proxy/tls": ("proxy/base", "certs"),
    "proxy/desk": ("proxy/base", "proxy/http"),
    "proxy/guard": ("proxy/base", "proxy/http"),
    "proxy/ledger": ("proxy/base", "proxy/http", "certs/digest.h"),
    "proxy/upstream": ("proxy/base", "proxy/http", "proxy/tls", "proxy/guard", "proxy/ledger",
                       "certs/server_name.h", "certs/digest.h"),
    "proxy/flow": ("proxy/base", "proxy/http", "proxy/desk", "proxy/guard", "proxy/upstream"),
    "proxy/exit": ("proxy/base", "proxy/http", "proxy/desk", "proxy/guard", "proxy/ledger", "proxy/upstream",
                   "proxy/flow", "proxy/tls", "certs"),
    "proxy": ("proxy/base", "proxy/http", "proxy/desk", "proxy/guard", "proxy/ledger", "proxy/upstream", "proxy/flow",
              "proxy/exit", "proxy/tls", "certs",
              "launcher/json_tree.h"),
    "launcher": (),
    "launcher/command": ("launcher",),
    "launcher/backend/local": ("launcher",),
    "launcher/backend/docker": ("launcher",),
}
# The one file of the launcher that sees the backends and the commands: its tables.
BACKEND_TABLE = "launcher/main.cc"

# Everything in these does no I/O and knows no event loop, except the files named after it.
SANS_IO = {
    "certs": (),
    "proxy/desk": (),
    "proxy/guard": (),
    "proxy/http": ("body", "exchange", "handler", "session", "http1_session", "http1_session_send", "http2_session", "h2_wire"),
}
# And these single files of directories that otherwise do I/O.
SANS_IO_FILES = {
    "proxy/base/result", "proxy/base/failure", "proxy/base/bytes",
    "proxy/tls/client_hello",
    "proxy/upstream/body_scan", "proxy/upstream/content_decoder", "proxy/upstream/pipelock_verdict",
    "proxy/upstream/aws_chunks", "proxy/upstream/codings", "proxy/upstream/decode_space", "proxy/upstream/decoder_chain",
    "proxy/upstream/sse_comments", "proxy/upstream/zstd_blocks",
    "proxy/flow/audit", "proxy/flow/policy",
    "proxy/exit/dns_answer",
    "proxy/ledger/admission", "proxy/ledger/rewrites", "proxy/ledger/ticket",
}

# Library header -> the places that may include it (a directory with its slash, or a file without its ending).
LIBRARIES = {
    r"openssl/": ("certs/", "proxy/tls/", "launcher/java_trust_store"),
    r"nghttp2/": ("proxy/http/h2_common", "proxy/http/h2_engine", "proxy/http/h2_client_engine"),
    r"llhttp\.h": ("proxy/http/h1_parser",),
    r"hs/": ("proxy/guard/matcher",),
    r"(zlib\.h|brotli/|zstd\.h)": ("proxy/upstream/",),
    r"ares\.h": ("proxy/upstream/system_names",),
    r"CLI/": ("proxy/config", "launcher/"),
}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
TOPS = ("proxy", "certs", "launcher")


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
    findings = []
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


def check_layer(path, layer, line, project, tree):
    if project not in tree.files:
        return [Finding(path, line, f'"{project}" is not in the tree; includes are written from its root')]
    target = layer_of(project)
    if target == layer or target in LAYERS.get(layer, ()) or project in LAYERS.get(layer, ()):
        return []
    if path == BACKEND_TABLE and target.startswith(("launcher/backend/", "launcher/command")):
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
