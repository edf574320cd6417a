"""The proxies that bench/run compares. Each ends TLS in front of an origin that costs nothing; bottle makes the
certificate itself, the others have one from the bench's own authority."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

TARGET = "bench.test"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process, name):
    for _ in range(400):
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with status {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise RuntimeError(f"{name} does not listen")


def make_certificate(folder):
    """A self-signed certificate for the target that clients take as its authority; the PEM file with its key."""
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", f"/CN={TARGET}", "-addext", f"subjectAltName=DNS:{TARGET},DNS:*.{TARGET}", "-keyout",
                    key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    both.write_text(cert.read_text() + key.read_text())
    return key, cert, both


class Peer:
    """A running proxy: where it listens, whom its clients trust, and its processes."""
    tunnel = False  # clients send CONNECT first
    h2 = True
    end_with = signal.SIGKILL

    def __init__(self, name, arguments, port, ca, core, env=None):
        self.name, self.port, self.ca = name, port, ca
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env,
                                        preexec_fn=core and (lambda: os.sched_setaffinity(0, core)))

    def pids(self):
        out, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            out.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += [int(word) for word in children.read_text().split()]
        return out

    def cpu(self):
        """Seconds on a processor, of all its processes and threads."""
        total = 0
        for pid in self.pids():
            for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                total += int(stat.read_text().split()[0])
        return total / 1e9

    def rss(self):
        """MiB that all its processes have in memory; a page that two of them share counts twice."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def stop(self):
        self.process.send_signal(self.end_with)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bottle(Peer):
    tunnel = True

    def __init__(self, program, folder, origin, core, allow=(TARGET, f"*.{TARGET}"), limits=None, threads=1, tool=(),
                 more=(), env=None, way=None):
        """`tool`: words in front of the command, of a program that runs it. `more`: further options. `way`: options
        for the way to the origin, instead of those for a scanner that answers itself."""
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"allow": list(allow), "limits": limits or {}}))
        super().__init__("bottle", [*tool, program, "--config", folder / "config.json", "--listen", "127.0.0.1:0",
                                    "--allow-address", "127.0.0.0/8", "--threads", str(threads), "--ca-out",
                                    folder / "ca.pem", "--audit", folder / "audit.jsonl",
                                    *(way or ["--upstream", "pipelock", "--pipelock", f"http://{origin}"]), *more],
                         0, folder / "ca.pem", core, env)
        line = self.process.stdout.readline().decode()
        found = re.search(r"listen=127\.0\.0\.1:(\d+)", line)
        if not found:
            self.stop()
            raise RuntimeError(f"bottle-proxy did not become ready{' below ' + tool[0] if tool else ''}: {line!r}")
        self.port = int(found.group(1))


def bottle(program, names=0):
    """`names`: so many hosts n1.TARGET, n2.TARGET, ... are in the allowlist, and may all be new in a minute."""
    def make(folder, origin, certificate, core):
        if not names:
            return Bottle(program, folder, origin, core)
        return Bottle(program, folder, origin, core, [f"n{i}.{TARGET}" for i in range(1, names + 1)],
                      {"new_names_a_minute": 100_000})
    return make


def bottle_to_tls(program):
    """Without a scanner, to an origin with TLS. The client asks for port 443."""
    def make(folder, origin, certificate, core):
        return Bottle(program, folder, origin, core, way=["--upstream", "direct", "--origin-ca", certificate[1],
                                                          "--resolve", f"{TARGET}:443={origin}"])
    return make


def haproxy_to_tls(protocol):
    """To an origin with TLS that speaks `protocol`, and whose certificate is checked."""
    def make(folder, origin, certificate, core):
        return haproxy(folder, f"{origin} ssl verify required ca-file {certificate[1]} sni str({TARGET}) "
                               f"alpn {protocol}", certificate, core)
    return make


def haproxy(folder, origin, certificate, core, alpn="h2,http/1.1"):
    folder.mkdir(exist_ok=True)
    port = free_port()
    (folder / "haproxy.cfg").write_text(f"""
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  http-reuse always
frontend f
  bind 127.0.0.1:{port} ssl crt {certificate[2]} alpn {alpn} ssl-min-ver TLSv1.3
  default_backend b
backend b
  server s {origin}
""")
    peer = Peer("haproxy", ["haproxy", "-db", "-f", folder / "haproxy.cfg"], port, certificate[1], core)
    wait_for(port, peer.process, "haproxy")
    return peer


def nghttpx(folder, origin, certificate, core):
    port = free_port()
    host, to = origin.split(":")
    peer = Peer("nghttpx", ["nghttpx", f"--frontend=127.0.0.1,{port}", f"--backend={host},{to}", "--workers=1",
                            # A child that asks for OCSP answers would count as its memory.
                            "--single-process", "--no-ocsp", "--conf=/dev/null", "--errorlog-file=/dev/null",
                            "--accesslog-file=", certificate[0], certificate[1]], port, certificate[1], core)
    wait_for(port, peer.process, "nghttpx")
    return peer


def mitmproxy(folder, origin, certificate, core):
    folder.mkdir(exist_ok=True)
    port = free_port()
    peer = Peer("mitmproxy", ["mitmdump", "-q", "--mode", f"reverse:http://{origin}", "--listen-port", str(port),
                              "--listen-host", "127.0.0.1", "--set", f"confdir={folder}", "--certs",
                              f"*={certificate[2]}"], port, certificate[1], core)
    wait_for(port, peer.process, "mitmproxy")
    return peer


def squid(folder, origin, certificate, core):
    """As a reverse proxy: what Squid has decrypted itself, it sends to no plain origin. It has no HTTP/2."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    host, to = origin.split(":")
    (folder / "squid.conf").write_text(f"""
https_port 127.0.0.1:{port} accel vhost defaultsite={TARGET} tls-cert={certificate[1]} tls-key={certificate[0]} \\
 options=NO_TLSv1,NO_TLSv1_1,NO_TLSv1_2
cache_peer {host} parent {to} 0 no-query no-digest originserver
http_access allow all
cache deny all
cache_mem 0 MB
access_log none
cache_log /dev/null
pid_filename none
coredump_dir {folder}
shutdown_lifetime 0 seconds
""")
    # Its shared memory has the name of its service, and only a polite end removes it.
    peer = Peer("squid", ["squid", "-N", "-n", f"bench{port}", "-f", folder / "squid.conf"], port, certificate[1], core)
    peer.h2, peer.end_with = False, signal.SIGTERM
    wait_for(port, peer.process, "squid")
    return peer


def goproxy(program):
    """It makes a leaf for each host, as bottle does. It has no HTTP/2 for its clients."""
    def make(folder, origin, certificate, core):
        peer = Peer("goproxy", [program, certificate[1], certificate[0], origin], 0, certificate[1], core,
                    dict(os.environ, GOMAXPROCS="1"))
        peer.tunnel, peer.h2 = True, False
        line = peer.process.stdout.readline().decode()
        if ":" not in line:
            raise RuntimeError(f"goproxy does not listen: {line!r}")
        peer.port = int(line.rsplit(":", 1)[1])
        return peer
    return make


def versions():
    """The first line that each of the others says of itself."""
    out = {}
    for name, word in {"haproxy": "-v", "nghttpx": "--version", "mitmdump": "--version",
                       "squid": "--version"}.items():
        if shutil.which(name):
            said = subprocess.run([name, word], capture_output=True, text=True, check=False).stdout
            out[name] = said.splitlines()[0].split(" 20")[0] if said else "unknown"
    return out


def installed(build=None):
    """The others that this machine has, or that were built into the folder `build`."""
    known = {"haproxy": haproxy, "nghttpx": nghttpx, "mitmdump": mitmproxy, "squid": squid}
    found = {name.replace("mitmdump", "mitmproxy"): make for name, make in known.items() if shutil.which(name)}
    if build and (build / "bench-goproxy").exists():
        found["goproxy"] = goproxy(build / "bench-goproxy")
    return found
