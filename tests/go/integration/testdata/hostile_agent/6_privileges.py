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
