"""Coverage by part of the proxy: files are where they belong, and shares are by lines, not by files."""
import importlib.machinery
import importlib.util
import unittest
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "coverage"
LOADER = importlib.machinery.SourceFileLoader("coverage_script", str(PATH))
coverage = importlib.util.module_from_spec(importlib.util.spec_from_loader("coverage_script", LOADER))
LOADER.exec_module(coverage)


def file_of(name, count, covered):
    return {"filename": str(coverage.ROOT / name), "summary": {"lines": {"count": count, "covered": covered}}}


class PartsTest(unittest.TestCase):
    def test_files_are_in_their_parts(self):
        found = coverage.parts_of([file_of("proxy/http/h1_lines.cc", 10, 9), file_of("proxy/http/h1_lines.h", 4, 4),
                                   file_of("proxy/ledger/ticket.cc", 5, 5), file_of("proxy/main.cc", 7, 0),
                                   {"filename": "/usr/include/x.h", "summary": {"lines": {"count": 1, "covered": 0}}}],
                                  coverage.ROOT)
        self.assertEqual(found["parse"], {"proxy/http/h1_lines.cc": (10, 9)})
        self.assertEqual(found["ledger"], {"proxy/ledger/ticket.cc": (5, 5)})
        self.assertEqual(sum(map(len, found.values())), 2)

    def test_every_place_is_there(self):
        for places in coverage.PARTS.values():
            for place in places:
                folder, _, start = place.rpartition("/")
                self.assertTrue(list((coverage.ROOT / folder).glob(start + "*")), place)

    def test_shares_are_by_lines(self):
        self.assertEqual(coverage.percent([(90, 90), (10, 0)]), 90.0)
        self.assertEqual(coverage.percent([]), 0.0)


if __name__ == "__main__":
    unittest.main()
