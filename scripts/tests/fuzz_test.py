"""The account of the fuzzers: a crash counts, whatever libFuzzer prints, and the ledger adds up."""
import importlib.machinery
import importlib.util
import unittest
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "fuzz"
LOADER = importlib.machinery.SourceFileLoader("fuzz_script", str(PATH))
fuzz = importlib.util.module_from_spec(importlib.util.spec_from_loader("fuzz_script", LOADER))
LOADER.exec_module(fuzz)

CALM = """#2	INITED cov: 100 ft: 101 corp: 1/1b exec/s: 0 rss: 30Mb
#5000	DONE   cov: 120 ft: 300 corp: 9/99b lim: 4096 exec/s: 2500 rss: 60Mb
stat::number_of_executed_units: 5000
"""


class FiguresTest(unittest.TestCase):
    def test_a_calm_run(self):
        self.assertEqual(fuzz.figures("a", 2, CALM, 0)[:5], ("a", 2, 5000, 120, 0))

    def test_a_run_that_fails_is_a_finding(self):
        self.assertEqual(fuzz.figures("a", 2, CALM, 77).findings, 1)
        self.assertEqual(fuzz.figures("a", 2, "", 1)[:5], ("a", 2, 0, 0, 1))

    def test_a_run_without_the_last_figures(self):
        self.assertEqual(fuzz.figures("a", 2, "#7\tNEW    cov: 9 ft: 9\n", 1)[2:5], (7, 9, 1))


class LedgerTest(unittest.TestCase):
    def test_rows_are_read_back(self):
        first = fuzz.row(fuzz.figures("a", 1800, CALM, 0), "0123abcd", "2026-01-02")
        second = fuzz.row(fuzz.figures("a", 1800, CALM, 77), "0123abcd", "2026-01-03")
        self.assertEqual(fuzz.sums(first + "\n" + second + "\n"), {"a": [3600, 10000, 120, 1]})

    def test_the_ledger_has_no_other_lines(self):
        table = [line for line in fuzz.LEDGER.read_text().splitlines() if line.startswith("| 2")]
        self.assertEqual([line for line in table if not fuzz.ROW.match(line)], [])


if __name__ == "__main__":
    unittest.main()
