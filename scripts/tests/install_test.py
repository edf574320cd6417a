"""Man pages are made of --help, the list of third parties of what the build says, and names of packages of a table."""
import importlib.machinery
import importlib.util
import subprocess
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent


def load(name):
    """A script without .py in its name, as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(SCRIPTS / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


HELP = """end bottles
Usage: bottle stop [OPTIONS] [ID...]

Positionals:
  ID ...                      the bottles to end

Options:
  -h,--help                   print this help
  --listen ADDR:PORT|fd:N (Env:BOTTLE_PROXY_LISTEN)
                              listen for clients there
  -q,--quiet                  print only errors


Examples:
  bottle stop 4f2a

Ends the command in the bottle. A path\\name
and -- stay.

.A second paragraph.

"""


class ManPages(unittest.TestCase):
    def setUp(self):
        self.man = load("man-pages")
        self.parts = self.man.read_help(HELP)

    def test_help_is_read_into_its_parts(self):
        self.assertEqual(["end bottles"], self.parts.intro)
        self.assertEqual("bottle stop [OPTIONS] [ID...]", self.parts.usage)
        self.assertEqual([("ID", "the bottles to end")], self.parts.sections["Positionals"])
        self.assertEqual([("-h,--help", "print this help"),
                          ("--listen ADDR:PORT|fd:N (Env:BOTTLE_PROXY_LISTEN)", "listen for clients there"),
                          ("-q,--quiet", "print only errors")], self.parts.sections["Options"])
        self.assertEqual(["bottle stop 4f2a"], self.parts.examples)
        self.assertEqual(["Ends the command in the bottle. A path\\name and -- stay.", ".A second paragraph."],
                         self.parts.paragraphs)

    def test_a_page_has_them_as_roff(self):
        page = self.man.page("bottle-stop", "end bottles", self.parts, "0.1.0", ["bottle"])
        for line in ('.TH BOTTLE-STOP 1 "" "bottle 0.1.0" "User Commands"', "bottle\\-stop \\- end bottles",
                     "\\fBbottle\\fR stop [OPTIONS] [ID...]", "\\fB\\-q\\fR, \\fB\\-\\-quiet\\fR",
                     "\\fB\\-\\-listen\\fR \\fIADDR:PORT|fd:N\\fR", "Environment: BOTTLE_PROXY_LISTEN",
                     "Ends the command in the bottle. A path\\ename and \\-\\- stay.", "\\&.A second paragraph.",
                     "\\fBbottle\\fR(1)"):
            self.assertIn(line, page.splitlines())


class Sbom(unittest.TestCase):
    def setUp(self):
        self.sbom = load("sbom")

    def test_files_of_the_link_are_read(self):
        rule = "bottle-proxy: \\\n  CMakeFiles/main.o \\\n  /usr/lib/libssl.a\n\nCMakeFiles/main.o:\n\n/usr/lib/libssl.a:\n"
        self.assertEqual(["CMakeFiles/main.o", "/usr/lib/libssl.a"], self.sbom.linked_files(rule))

    def test_headers_of_tests_do_not_count(self):
        deps = ("CMakeFiles/a.o: #deps 2, deps mtime 1 (VALID)\n    ../a.cc\n    /usr/include/boost/asio.hpp\n\n"
                "tests/CMakeFiles/b.o: #deps 1, deps mtime 1 (VALID)\n    /usr/include/gtest/gtest.h\n")
        self.assertEqual({"../a.cc", "/usr/include/boost/asio.hpp"}, self.sbom.compiled_files(deps))

    def test_each_kind_of_file_is_another_relation(self):
        kinds = {"/usr/lib/libssl.a": "static", "/usr/lib/libssl.so.3": "dynamic", "/usr/lib/crt1.o": "static",
                 "/usr/include/zlib.h": "headers"}
        self.assertEqual(kinds, {path: self.sbom.kind_of(path) for path in kinds})
        detail = {"name": "libssl-dev", "version": "3.0.1-1", "source": "openssl", "source_version": "3.0.1-1",
                  "homepage": "https://openssl.example", "way": "static", "system": "debian"}
        document = self.sbom.spdx("0.1.0", [detail], [("bottle", b"x")], "2026-01-01T00:00:00Z")
        self.assertIn({"spdxElementId": "SPDXRef-bottle", "relationshipType": "STATIC_LINK",
                       "relatedSpdxElement": "SPDXRef-libssl-dev"}, document["relationships"])
        names = {one["SPDXID"] for one in document["packages"] + document["files"]} | {"SPDXRef-DOCUMENT"}
        for one in document["relationships"]:
            self.assertLessEqual({one["spdxElementId"], one["relatedSpdxElement"]}, names)


class Bootstrap(unittest.TestCase):
    def names(self, *arguments):
        return subprocess.run([SCRIPTS / "bootstrap", "--list", *arguments], capture_output=True, text=True, check=False)

    def test_other_systems_get_their_names(self):
        here = self.names("build").stdout.split()
        self.assertIn("libboost1.81-dev", here)
        for system, word in (("debian-13", "libboost1.83-dev"), ("ubuntu-24.04", "libboost1.83-dev"),
                             ("fedora-42", "openssl-devel"), ("arch", "nlohmann-json")):
            with self.subTest(system):
                got = self.names("build", system)
                self.assertEqual(0, got.returncode, got.stderr)
                self.assertIn(word, got.stdout.split())
                self.assertNotIn("libboost1.81-dev", got.stdout.split())

    def test_a_system_that_is_not_known_is_an_error(self):
        got = self.names("build", "plan9")
        self.assertEqual(1, got.returncode)
        self.assertIn("plan9", got.stderr)

    def test_a_package_needs_its_tools(self):
        self.assertIn("dpkg-dev", self.names("package").stdout.split())


if __name__ == "__main__":
    unittest.main()
