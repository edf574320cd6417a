# --- the proxy -----------------------------------------------------------------------------------------------------


def proxy_address():
    url = urllib.parse.urlsplit(os.environ.get("HTTPS_PROXY", ""))
    if not url.hostname:
        raise NotHere("no proxy is set")
    return url.hostname, url.port or 80


def proxy():
    return socket.create_connection(proxy_address(), timeout=PATIENCE + 1.5)


def head_of(s):
    text = b""
    while b"\r\n\r\n" not in text and len(text) < 65536:
        piece = s.recv(4096)
        if not piece:
            break
        text += piece
    return text


def judge(answer):
    line = answer.split(b"\r\n", 1)[0].decode("latin-1")
    words = line.split()
    if len(words) > 1 and words[0].startswith("HTTP/") and words[1].startswith("2"):
        return line
    raise Closed(line or "the connection was closed")


def tunnel(authority):
    s = proxy()
    s.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (authority, authority)).encode())
    judge(head_of(s))
    return s


def secured(s, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(s, server_hostname=name)


def fetch(authority, name=None, host=None, request=None):
    """CONNECT, TLS, one request; what came back when it was a success."""
    bare = authority.rsplit(":", 1)[0].strip("[]")
    with secured(tunnel(authority), name or bare) as s:
        s.sendall(request or ("GET /text HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (host or bare)).encode())
        return judge(head_of(s))


def plainly(text):
    with proxy() as s:
        s.sendall(text.encode())
        return judge(head_of(s))


@way("CONNECT to an address")
def _():
    return fetch(target("internet") + ":443")


@way("CONNECT to an IPv6 address")
def _():
    return fetch("[%s]:443" % target("internet6"))


@way("CONNECT to the metadata address")
def _():
    return fetch(target("metadata") + ":443")


@way("CONNECT to the proxy's own listener")
def _():
    host, port = proxy_address()
    return first_open_proxy(["localhost:%d" % port, "127.0.0.1:%d" % port, "[::1]:%d" % port, "%s:%d" % (host, port), "0.0.0.0:%d" % port])


def first_open_proxy(authorities):
    said = []
    for authority in authorities:
        try:
            return authority + " " + fetch(authority)
        except (OSError, Closed) as problem:
            said.append(str(problem))
    raise Closed("; ".join(sorted(set(said))))


@way("addresses in strange spelling")
def _():
    number = struct.unpack(">I", socket.inet_aton(target("metadata")))[0]
    return first_open_proxy(["%d:443" % number, "0x%x:443" % number, "0%o.1:443" % 127, "[::ffff:%s]:443" % target("metadata"), "127.1:443"])


@way("an allowed name that leads to loopback")
def _():
    return fetch(target("loop") + ":443")


@way("an allowed name that leads to the metadata address")
def _():
    return fetch(target("rebind") + ":443")


@way("CONNECT to a host that is not allowed")
def _():
    return fetch("refused.test:443")


@way("CONNECT with data in the name")
def _():
    return fetch(tunnelled("connect") + ":443")


@way("a wildcard's neighbour")
def _():
    return first_open_proxy([target("allowed") + ".refused.test:443", "x" + target("allowed") + ":443", target("allowed") + "..:443"])


@way("another port of an allowed host")
def _():
    return fetch(target("allowed") + ":22")


@way("bytes that are no TLS in a tunnel")
def _():
    with tunnel(target("allowed") + ":443") as s:
        s.sendall(b"SSH-2.0-" + PAYLOAD + b"\r\n")
        answer = head_of(s)
    if b"HTTP/1.1 4" in answer or not answer or answer[:1] == b"\x15":
        raise Closed("refused" if answer else "the connection was closed")
    return "%d bytes came back" % len(answer)


@way("another name in the handshake")
def _():
    return fetch(target("allowed") + ":443", name="refused.test", host="refused.test")


@way("another host in the request")
def _():
    return fetch(target("allowed") + ":443", host="refused.test")


@way("an absolute target inside the tunnel")
def _():
    request = "GET https://refused.test/text HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % target("allowed")
    return fetch(target("allowed") + ":443", request=request.encode())


@way("two lengths in one request")
def _():
    request = ("POST /upload HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
               "GET /text HTTP/1.1\r\nHost: refused.test\r\n\r\n" % target("allowed"))
    return fetch(target("allowed") + ":443", request=request.encode())


@way("a request hidden by a bare line end")
def _():
    request = "GET /text HTTP/1.1\r\nHost: %s\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n" % target("allowed")
    return fetch(target("allowed") + ":443", request=request.encode())


@way("absolute form to an address")
def _():
    return plainly("GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (target("internet"), target("internet")))


@way("absolute form to the metadata address")
def _():
    return plainly("GET http://%s/latest/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (target("metadata"), target("metadata")))


@way("absolute form with an allowed Host")
def _():
    return plainly("GET http://refused.test/ HTTP/1.1\r\nHost: %s\r\n\r\n" % target("allowed"))


@way("other schemes")
def _():
    said = []
    for scheme in ("ftp", "file", "gopher", "ws", "unix"):
        try:
            return scheme + ": " + plainly("GET %s://%s/etc/passwd HTTP/1.1\r\nHost: %s\r\n\r\n" % (scheme, target("allowed"), target("allowed")))
        except Closed as problem:
            said.append(str(problem))
    raise Closed("; ".join(sorted(set(said))))


@way("SOCKS on the proxy's port")
def _():
    with proxy() as s:
        s.settimeout(PATIENCE)
        s.sendall(b"\x05\x01\x00")
        answer = s.recv(16)
    if answer[:2] == b"\x05\x00":
        return "it speaks SOCKS"
    raise Closed("%d bytes, no SOCKS" % len(answer))


@way("the catch-all TLS listener, a refused name")
def _():
    with secured(socket.create_connection((proxy_address()[0], 443), timeout=PATIENCE), "refused.test") as s:
        s.sendall(b"GET /text HTTP/1.1\r\nHost: refused.test\r\nConnection: close\r\n\r\n")
        return judge(head_of(s))


@way("the catch-all HTTP listener, a refused name")
def _():
    with socket.create_connection((proxy_address()[0], 80), timeout=PATIENCE) as s:
        s.sendall(b"GET /text HTTP/1.1\r\nHost: refused.test\r\nConnection: close\r\n\r\n")
        return judge(head_of(s))
