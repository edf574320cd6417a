"""The world around a hostile agent: hosts that count what reaches them, and things of a machine that are worth stealing.

    hostile_world.py hosts INTERFACE…   hosts on this network; prints what arrives, a JSON object a line
    hostile_world.py street CONFIG      a whole world in namespaces of its own; runs CONFIG's phases in it

The street must run in fresh user, network and mount namespaces (unshare -Urnm): it has one neighbour, which
has all addresses that the test means by "the internet", and no way to anywhere else.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

TCP_PORTS = (22, 53, 80, 443, 2375, 3128, 4444, 8888)
UDP_PORTS = (53, 80, 123, 443, 4444, 5353)
BARRIER = 9  # a datagram to this port comes back when all before it has been told

INTERNET, INTERNET6, METADATA = "203.0.113.10", "2001:db8:2::10", "169.254.169.254"
GATEWAY, RESOLVER, LINK_LOCAL6 = "192.0.2.1", "192.0.2.53", "fe80::1"
NAMES = {"rebind.test": METADATA, "loop.test": "127.0.0.1"}  # every other name is INTERNET

libc = ctypes.CDLL(None, use_errno=True)


def say(kind, **more):
    print(json.dumps(dict(more, kind=kind)), flush=True)


# --- hosts -----------------------------------------------------------------------------------------------------------


def summary(frame):
    """What a frame is, without what every network does by itself (nothing, as the street is set up)."""
    protocol = struct.unpack(">H", frame[12:14])[0]
    if protocol == 0x0800 and len(frame) >= 34:
        head = 14 + (frame[14] & 15) * 4
        ports = struct.unpack(">HH", frame[head:head + 4]) if frame[23] in (6, 17) and len(frame) >= head + 4 else (0, 0)
        return {"ip": frame[23], "to": socket.inet_ntoa(frame[30:34]), "port": ports[1], "bytes": len(frame)}
    if protocol == 0x86DD and len(frame) >= 54:
        ports = struct.unpack(">HH", frame[54:58]) if frame[20] in (6, 17) and len(frame) >= 58 else (0, 0)
        return {"ip": frame[20], "to": socket.inet_ntop(socket.AF_INET6, frame[38:54]), "port": ports[1], "bytes": len(frame)}
    return {"ether": "%04x" % protocol, "bytes": len(frame)}


def name_of(question):
    labels, at = [], 12
    while at < len(question) and question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode("latin-1"))
        at += 1 + question[at]
    return ".".join(labels), question[12:at + 5]


def dns_answer(question):
    name, asked = name_of(question)
    kind = struct.unpack(">H", asked[-4:-2])[0]
    say("dns", name=name, type=kind)
    address = NAMES.get(name, INTERNET)
    head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, 1 if kind in (1, 16) else 0, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, 4 if kind == 1 else 5)
    data = socket.inet_aton(address) if kind == 1 else b"\x04evil"
    return head + asked + (record + data if kind in (1, 16) else b"")


class Hosts:
    def __init__(self, interfaces):
        self.frames = []
        for name in interfaces:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.bind((name, 3))
            s.setblocking(False)
            self.frames.append(s)
        self.listeners = [self.open(socket.SOCK_STREAM, p) for p in TCP_PORTS]
        self.datagrams = {self.open(socket.SOCK_DGRAM, p): p for p in UDP_PORTS + (BARRIER,)}
        self.talks = {}

    @staticmethod
    def open(kind, port):
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.setsockopt(socket.IPPROTO_IPV6, 49, 1)  # IPV6_RECVPKTINFO: an answer comes from the address that was asked
        if kind == socket.SOCK_DGRAM:
            s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        s.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            s.listen(64)
        s.setblocking(False)
        return s

    def drain_frames(self):
        for s in self.frames:
            while True:
                try:
                    frame, (_, _, way, _, _) = s.recvfrom(65536)
                except BlockingIOError:
                    break
                if way != socket.PACKET_OUTGOING:
                    told = summary(frame)
                    if told.get("port") != BARRIER:
                        say("frame", **told)

    def serve(self):
        everything = self.frames + self.listeners + list(self.datagrams)
        while True:
            ready, _, _ = select.select(everything + list(self.talks), [], [])
            self.drain_frames()
            for s in ready:
                if s in self.listeners:
                    talk, who = s.accept()
                    self.talks[talk] = s.getsockname()[1]
                    say("tcp", port=s.getsockname()[1], by=who[0])
                elif s in self.datagrams:
                    self.answer_datagram(s)
                elif s in self.talks:
                    self.answer_stream(s)

    def answer_datagram(self, s):
        data, control, _, who = s.recvmsg(65536, 512)
        port = self.datagrams[s]
        if port == BARRIER:
            self.drain_frames()
        else:
            say("udp", port=port, bytes=len(data), by=who[0])
        if port == 53 and len(data) > 16:
            data = dns_answer(data)
        # The same packet information again makes the address that was asked the answer's source.
        try:
            s.sendmsg([data], control, 0, who)
        except OSError:
            pass  # it was a broadcast

    def answer_stream(self, s):
        port = self.talks[s]
        try:
            data = s.recv(65536)
        except OSError:
            data = b""
        if data:
            say("bytes", port=port, bytes=len(data))
            if port == 53:
                answer = dns_answer(data[2:])
                s.sendall(struct.pack(">H", len(answer)) + answer)
                return
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n")
        del self.talks[s]
        s.close()


# --- the street --------------------------------------------------------------------------------------------------------


def run(text):
    for line in text.strip().splitlines():
        subprocess.run(line.split(), check=True)


def end_with_street():
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def unshare(flags):
    if libc.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def start_neighbour(events):
    """A process in a network namespace of its own; returns its number."""
    read_end, write_end = os.pipe()
    go_read, go_write = os.pipe()
    child = os.fork()
    if child == 0:
        end_with_street()
        unshare(0x40000000)
        os.write(write_end, b"x")
        os.read(go_read, 1)
        os.dup2(os.open(events, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
        hosts = Hosts(["v1"])
        os.write(write_end, b"x")
        hosts.serve()
    os.read(read_end, 1)
    # Both ends have one hardware address: none is asked for, and each frame that arrives was sent by somebody.
    run("""
    ip link set lo up
    ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:01 netns %d
    ip link set v0 arp off multicast off addrgenmode none
    ip addr add 192.0.2.2/24 dev v0
    ip -6 addr add 2001:db8:1::2/64 dev v0 nodad
    ip -6 addr add fe80::2/64 dev v0 nodad
    """ % child)
    inside = "nsenter -t %d -n ip" % child
    run("\n".join(inside + " " + line for line in (
        "link set lo up", "link set v1 arp off multicast off addrgenmode none",
        "addr add 192.0.2.1/24 dev v1", "addr add 192.0.2.53/32 dev v1", "addr add 203.0.113.10/32 dev v1",
        "addr add 169.254.169.254/32 dev v1", "-6 addr add 2001:db8:1::1/64 dev v1 nodad",
        "-6 addr add 2001:db8:2::10/128 dev v1 nodad", "-6 addr add fe80::1/64 dev v1 nodad", "link set v1 up")))
    # The kernel would look for routers by itself.
    for at in (["sh"], ["nsenter", "-t", str(child), "-n", "sh"]):
        subprocess.run(at + ["-c", "for i in /proc/sys/net/ipv6/conf/v?/router_solicitations; do echo 0 > $i; done"], check=True)
    run("""
    ip link set v0 up
    %s link set v1 up
    ip route add default via 192.0.2.1
    ip -6 route add default via 2001:db8:1::1
    ip route add 224.0.0.0/4 dev v0
    """ % inside)
    os.write(go_write, b"x")
    os.read(read_end, 1)
    return child


def barrier():
    """Returns when the neighbour has told of everything that was sent before."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        for _ in range(20):
            s.sendto(b"x", (GATEWAY, BARRIER))
            try:
                s.recv(16)
                return
            except OSError:
                pass
    raise SystemExit("the neighbour does not answer")


def start_child(function):
    child = os.fork()
    if child == 0:
        end_with_street()
        function()
        os._exit(0)
    return child


def serve_unix(paths, abstract, events):
    """Sockets of services, which tell who came."""
    listeners = {}
    for path in paths + ["\0" + abstract]:
        if path[0] != "\0":
            os.makedirs(os.path.dirname(path), exist_ok=True)
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen(64)
        listeners[s] = path.replace("\0", "@")

    def serve():
        os.dup2(os.open(events, os.O_WRONLY | os.O_APPEND), 1)
        while True:
            for s in select.select(list(listeners), [], [])[0]:
                talk, _ = s.accept()
                say("unix", path=listeners[s])
                talk.close()

    return start_child(serve)


VICTIM = """
import os, signal, sys, json, mmap
def hit(*_):
    os.write(1, (json.dumps({"kind": "victim"}) + chr(10)).encode())
signal.signal(signal.SIGUSR1, hit)
held = open(sys.argv[1], "rb")
sys.stderr.write("x"); sys.stderr.flush()
while True:
    signal.pause()
"""


def start_victim(config, events):
    """A process of the caller's with a secret in its environment, its arguments, its memory and an open file."""
    out = os.open(events, os.O_WRONLY | os.O_APPEND)
    child = subprocess.Popen([sys.executable, "-c", VICTIM, config["secret_file"], config["canary"]], stdout=out,
                             stderr=subprocess.PIPE, env={"SECRET": config["canary"]}, preexec_fn=end_with_street)
    child.stderr.read(1)
    return child


def open_proxy(origin):
    """What bottle-proxy must not be: everything is let through, to the one origin. Only for the control."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(talk):
        talk.settimeout(5)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = talk.recv(4096)
            if not piece:
                return
            if piece[:1] == b"\x05":
                talk.sendall(b"\x05\x00")
                return
            head += piece
        if not head.startswith(b"CONNECT "):
            talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n")
            return
        host, port = origin.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as other:
            talk.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            pair = {talk: other, other: talk}
            while True:
                for s in select.select(list(pair), [], [])[0]:
                    data = s.recv(65536)
                    if not data:
                        return
                    pair[s].sendall(data)

    def serve():
        while True:
            talk, _ = listener.accept()
            if os.fork() == 0:
                try:
                    pump(talk)
                except OSError:
                    pass
                os._exit(0)
            talk.close()
            while True:
                try:
                    if os.waitpid(-1, os.WNOHANG)[0] == 0:
                        break
                except ChildProcessError:
                    break

    start_child(serve)
    return "http://127.0.0.1:%d" % listener.getsockname()[1]


def start_origin(command):
    origin = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, preexec_fn=end_with_street)
    words = dict(word.split("=", 1) for word in origin.stdout.readline().split() if "=" in word)
    return origin, words["addr"], words["ca"]


def keyring(name, canary):
    join, session, add = 1, -3, 248
    libc.syscall.restype = ctypes.c_long
    libc.syscall(250, join, None)
    if libc.syscall(add, b"user", name.encode(), canary.encode(), len(canary), session) < 0:
        return ""
    return name


def street(config):
    events = config["events"]
    open(events, "w", encoding="utf-8").close()
    # The machine's own name server and services are out of sight.
    run("mount -t tmpfs tmpfs /run")
    resolv = config["folder"] + "/resolv.conf"
    with open(resolv, "w", encoding="utf-8") as file:
        file.write("nameserver %s\noptions timeout:1 attempts:1\n" % RESOLVER)
    point = os.path.realpath("/etc/resolv.conf")
    if not os.path.exists(point):
        os.makedirs(os.path.dirname(point), exist_ok=True)
        open(point, "w", encoding="utf-8").close()
    run("mount --bind %s %s" % (resolv, point))
    neighbour = start_neighbour(events)
    origin, address, ca = start_origin(config["origin"])
    abstract = "bottle-hostile-" + config["nonce"]
    unix = ["/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/dbus/system_bus_socket", config["folder"] + "/agent.sock"]
    serve_unix(unix, abstract, events)
    key = int(config["nonce"][:6], 16)
    shm = libc.shmget(key, 4096, 0o1600)
    held = open_proxy(address)
    targets = dict(
        config["targets"], sent_is_open=True, nonce=config["nonce"], internet=INTERNET, internet6=INTERNET6, metadata=METADATA, gateway=GATEWAY,
        resolver=RESOLVER, link_local6=LINK_LOCAL6, unix=unix + ["/var/run/docker.sock"], abstract=abstract,
        canary=config["canary"], secret_file=config["secret_file"], shm_key=key if shm >= 0 else 0, key=keyring("bottle-hostile", config["canary"]))
    victim = start_victim(config, events)
    targets["victim"] = victim.pid
    with open(config["targets_file"], "w", encoding="utf-8") as file:
        json.dump(targets, file)
    for phase in config["phases"]:
        barrier()
        with open(events, "a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": "phase", "name": phase["name"]}) + "\n")
        words = [w.replace("{origin}", address).replace("{origin-ca}", ca) for w in phase["command"]]
        environment = {k: v.replace("{open-proxy}", held) for k, v in phase["environment"].items()}
        # A terminal of its own to be controlled by: what is typed into it comes back here.
        master, slave = os.openpty()
        os.set_blocking(master, False)

        def take_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        with open(phase["out"], "wb") as out, open(phase["out"] + ".err", "wb") as err:
            began = time.monotonic()
            status = subprocess.run(words, cwd=phase["directory"], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                    timeout=phase["limit"], check=False, preexec_fn=take_terminal).returncode
        typed = b""
        try:
            typed = os.read(master, 64)
        except OSError:
            pass
        os.close(master)
        os.close(slave)
        barrier()
        with open(events, "a", encoding="utf-8") as file:
            if typed:
                file.write(json.dumps({"kind": "typed", "bytes": len(typed)}) + "\n")
            for path in (os.path.join(folder, "escaped-" + config["nonce"]) for folder in config["targets"]["folders"]):
                if os.path.exists(path):
                    os.unlink(path)
                    file.write(json.dumps({"kind": "file", "path": path}) + "\n")
            file.write(json.dumps({"kind": "end", "name": phase["name"], "status": status, "took": time.monotonic() - began}) + "\n")
    for child in (victim, origin):
        child.kill()
    os.kill(neighbour, signal.SIGKILL)
    libc.shmctl(shm, 0, None)


def main():
    if sys.argv[1] == "hosts":
        hosts = Hosts(sys.argv[2:])
        say("ready")
        hosts.serve()
    else:
        with open(sys.argv[2], encoding="utf-8") as file:
            street(json.load(file))


if __name__ == "__main__":
    main()
