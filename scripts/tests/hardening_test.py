"""Each check of scripts/hardening must be able to fail: a small program is built without one property at a time."""
import importlib.machinery
import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
_loader = importlib.machinery.SourceFileLoader("hardening", str(SCRIPTS / "hardening"))
hardening = importlib.util.module_from_spec(importlib.util.spec_from_loader("hardening", _loader))
_loader.exec_module(hardening)

COMPILER = next(filter(None, map(shutil.which, ("clang-19", "gcc", "cc"))), None)
# Enough functions for landing pads, an array on the stack, and a copy whose room is known.
SOURCE = """#include <stdio.h>
#include <string.h>
""" + "\n".join(f"int f{i}(int x) {{ return x + {i}; }}" for i in range(40)) + """
int (*table[])(int) = {""" + ", ".join(f"f{i}" for i in range(40)) + """};
int main(int count, char** words) {
  char room[16];
  strcpy(room, words[0]);
  return printf("%s %d", room, table[count % 40](count)) < 0;
}
"""
FLAGS = ["-O2", "-fPIE", "-pie", "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3",
         "-Wl,-z,relro,-z,now,-z,noexecstack", "-fcf-protection=full", "-Wl,-z,shstk"]


@unittest.skipIf(COMPILER is None or shutil.which("readelf") is None or platform.machine() != "x86_64",
                 "needs a C compiler, readelf and x86-64")
class Hardening(unittest.TestCase):
    def lacks(self, without=(), more=(), code=""):
        """The properties that a program lacks which is built without some flags and with others."""
        with tempfile.TemporaryDirectory() as directory:
            source, program = Path(directory) / "a.c", Path(directory) / "a"
            source.write_text(SOURCE + code)
            flags = [flag for flag in FLAGS if flag not in without]
            subprocess.run([COMPILER, "-w", *flags, *more, str(source), "-o", str(program)], check=True, capture_output=True)
            return [name.split(":")[0].split(" (")[0] for name in hardening.missing(program)]

    def test_a_program_with_everything_lacks_nothing(self):
        self.assertEqual([], self.lacks())

    def test_what_is_left_out_is_missed(self):
        link = ["-Wl,-z,relro,-z,now,-z,noexecstack"]
        for without, more, expected in (
                (["-fPIE", "-pie"], ["-fno-pie", "-no-pie"], "PIE"),
                (link, ["-Wl,-z,norelro,-z,now,-z,noexecstack"], "RELRO"),
                (link, ["-Wl,-z,relro,-z,lazy,-z,noexecstack"], "BIND_NOW"),
                (link, ["-Wl,-z,relro,-z,now,-z,execstack"], "NX stack"),
                ([], ["-Wl,-rpath,/tmp"], "no library path of its own"),
                (["-fstack-protector-strong"], ["-fno-stack-protector"], "stack protector"),
                (["-D_FORTIFY_SOURCE=3"], [], "FORTIFY"),
                (["-Wl,-z,shstk"], [], "shadow stack"),
                (["-fcf-protection=full"], ["-fcf-protection=none"], "landing pads for indirect jumps")):
            with self.subTest(expected):
                self.assertIn(expected, self.lacks(without, more))

    def test_code_that_is_written_to_is_missed(self):
        self.assertIn("no relocations in code",
                      self.lacks(more=["-Wl,-z,notext"], code='__asm__(".text\\n.quad main\\n");\n'))
        self.assertIn("no memory is writable and code",
                      self.lacks(code='__asm__(".section .both,\\"awx\\"\\n.quad 0\\n.text\\n");\n'))

    def test_the_status_says_it(self):
        run = subprocess.run([sys.executable, str(SCRIPTS / "hardening"), str(SCRIPTS / "hardening")], capture_output=True,
                             text=True, check=False)
        self.assertEqual(1, run.returncode)
        self.assertIn("cannot be read", run.stderr)


if __name__ == "__main__":
    unittest.main()
