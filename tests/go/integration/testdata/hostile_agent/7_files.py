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
