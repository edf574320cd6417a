"""scripts/bare takes half an hour; what can be wrong before that is here."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "bare"


class Bare(unittest.TestCase):
    def run_it(self, *arguments, before=()):
        return subprocess.run([*before, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)

    def test_help_lists_the_options(self):
        got = self.run_it("--help")
        self.assertEqual(0, got.returncode)
        for option in ("--user", "--only", "--ccache", "--jobs", "--dir"):
            self.assertIn(option, got.stdout)
        self.assertNotIn("set -euo", got.stdout)

    def test_wrong_options_are_named_before_anything_is_made(self):
        with tempfile.TemporaryDirectory() as place:
            for arguments, word in ((["--frob"], "--frob"), (["--only"], "--only"), (["--only", "lint"], "demo or test"),
                                    (["--jobs", "0"], "--jobs"), (["--dir", "/nonexistent"], "--dir"),
                                    (["--user", "--ccache", place], "--ccache")):
                with self.subTest(arguments):
                    got = self.run_it("--dir", place, *arguments)
                    self.assertEqual(1, got.returncode)
                    self.assertIn(word, got.stderr)
            self.assertEqual([], os.listdir(place))

    def test_others_than_root_are_told(self):
        before = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.getuid() == 0 else ()
        readable = before and subprocess.run([*before, "test", "-r", str(SCRIPT)], check=False).returncode
        if readable:
            self.skipTest("this clone cannot be read by other users")
        got = self.run_it(before=before)
        self.assertEqual(1, got.returncode)
        self.assertIn("takes root", got.stderr)


if __name__ == "__main__":
    unittest.main()
