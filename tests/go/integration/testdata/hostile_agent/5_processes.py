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
