"""An agent that wants out. It runs in a bottle, tries one way after the other, and prints a line for each:

    NN name: closed|OPEN|not-here detail

OPEN: something outside was reached, read or changed, or a packet could be sent to it. closed: refused. not-here: the
machine or the test has no such thing. argv[1] is a JSON file with the targets, all of which belong to the test. Run
outside of a bottle, beside the same targets, it must find them open: else its "closed" would mean nothing. It changes
nothing there but what belongs to the test.

The files of this folder, in the order of their names, are one script: an agent has one file, wherever it runs.
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
