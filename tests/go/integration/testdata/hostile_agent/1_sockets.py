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
