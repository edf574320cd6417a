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
