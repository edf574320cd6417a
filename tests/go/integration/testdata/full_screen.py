"""A full-screen program: raw terminal, keys one by one, suspends itself at Ctrl-Z as editors and agents do."""

import os
import signal
import sys
import termios
import tty

before = termios.tcgetattr(0)


def size():
    columns, rows = os.get_terminal_size(0)
    return f"{rows}x{columns}"


def say(text):
    os.write(1, (text + "\r\n").encode())


signal.signal(signal.SIGWINCH, lambda *_: say("resized " + size()))
tty.setraw(0)
say("begun " + size())
while True:
    try:
        key = os.read(0, 1)
    except InterruptedError:
        continue
    if key == b"\x1a":
        say("leaving")
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        os.kill(0, signal.SIGTSTP)  # returns once it is continued
        tty.setraw(0)
        say("back " + size())
    elif key in (b"", b"q"):
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        sys.exit(3)
    else:
        say(f"key {key[0]}")
