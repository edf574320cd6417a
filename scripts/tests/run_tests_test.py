"""What counts the tests can itself be wrong: a crash, a skip and a subtest each need their place in the sum."""
import importlib.machinery
import importlib.util
import io
import json
import queue
import subprocess
import sys
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
_loader = importlib.machinery.SourceFileLoader("run_tests", str(SCRIPTS / "run-tests"))
run_tests = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", _loader))
_loader.exec_module(run_tests)


def go(*events):
    counts = run_tests.Counts()
    run_tests.count_go([json.dumps(dict(Package="p", **event)) + "\n" for event in events], counts, io.StringIO())
    return counts


class Go(unittest.TestCase):
    def test_a_container_does_not_count(self):
        counts = go({"Test": "A/x", "Action": "pass"}, {"Test": "A/y", "Action": "pass"}, {"Test": "A", "Action": "pass"},
                    {"Test": "B", "Action": "pass"}, {"Action": "pass"})
        self.assertEqual("3 passed, 0 failed, 0 skipped", counts.line())

    def test_a_failing_subtest_counts_once(self):
        counts = go({"Test": "A/x", "Action": "fail"}, {"Test": "A", "Action": "fail"}, {"Action": "fail"})
        self.assertEqual(["p A/x"], counts.failures)

    def test_a_container_that_fails_alone_counts(self):
        counts = go({"Test": "A/x", "Action": "pass"}, {"Test": "A", "Action": "fail"}, {"Action": "fail"})
        self.assertEqual(["p A"], counts.failures)
        self.assertEqual(1, counts.passed)

    def test_a_package_that_does_not_build_fails(self):
        counts = go({"Action": "fail"})
        self.assertEqual(1, len(counts.failures))

    def test_a_skip_keeps_its_reason(self):
        counts = go({"Test": "A", "Action": "output", "Output": "=== RUN   A\n"},
                    {"Test": "A", "Action": "output", "Output": "    a_test.go:3: javac is missing\n"},
                    {"Test": "A", "Action": "output", "Output": "--- SKIP: A (0.00s)\n"}, {"Test": "A", "Action": "skip"})
        self.assertEqual({"javac is missing": 1}, dict(counts.skips))

    def test_a_part_that_fails_outside_a_test_is_not_hidden_by_another(self):
        counts = go({"Test": "A", "Action": "pass"}, {"Action": "fail"}, {"Test": "B", "Action": "pass"}, {"Action": "pass"})
        self.assertEqual(1, len(counts.failures))
        self.assertEqual(2, counts.passed)

    def test_each_test_is_dealt_once(self):
        names = [f"Test{number}" for number in range(7)]
        parts = run_tests.deal(names, 3)
        self.assertEqual(3, len(parts))
        self.assertEqual(names, sorted(name for part in parts for name in part))
        self.assertEqual([["Test0"]], run_tests.deal(names[:1], 3))
        engine = ["TestDockerA", "TestB", "TestCDocker"]
        self.assertEqual([["TestB"], ["TestDockerA", "TestCDocker"]], run_tests.deal(engine, 2))

    def test_the_lines_of_all_processes_are_read(self):
        lines = queue.Queue()
        for line in ("a", None, "b", None, "after the end"):
            lines.put(line)
        self.assertEqual(["a", "b"], list(run_tests.until_all_ended(lines, 2)))

    def test_packages_without_the_integration_tests(self):
        self.assertIn("./harness", run_tests.other_packages())
        self.assertNotIn("./integration", run_tests.other_packages())


class Gtest(unittest.TestCase):
    def test_each_result_has_its_place(self):
        counts = run_tests.Counts()
        tests = [{"name": "a", "status": "RUN", "result": "COMPLETED"},
                 {"name": "b", "status": "RUN", "result": "COMPLETED", "failures": [{"failure": "x"}]},
                 {"name": "c", "status": "RUN", "result": "SKIPPED", "skipped": [{"message": "f.cc:1\nno node"}]},
                 {"name": "d", "status": "NOTRUN", "result": "SUPPRESSED"}]
        failed = run_tests.count_gtest({"testsuites": [{"name": "S", "testsuite": tests}]}, counts)
        self.assertEqual(1, failed)
        self.assertEqual("1 passed, 1 failed, 1 skipped", counts.line())
        self.assertEqual(["S.b"], counts.failures)
        self.assertEqual({"no node": 1}, dict(counts.skips))


class Bootstrap(unittest.TestCase):
    def run_it(self, *arguments, **env):
        return subprocess.run([str(SCRIPTS / "bootstrap"), *arguments], capture_output=True, text=True, check=False,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **env})

    def test_profiles_grow(self):
        build, test, extras = (set(self.run_it("--list", p).stdout.split()) for p in ("build", "test", "extras"))
        self.assertIn("clang-19", build)
        self.assertTrue(build < test <= extras)

    def test_an_unknown_profile_is_an_error(self):
        got = self.run_it("everything")
        self.assertEqual(1, got.returncode)
        self.assertIn("choose build, test, extras or package", got.stderr)

    def test_it_can_be_told_to_do_nothing(self):
        got = self.run_it("test", BOTTLE_SKIP_BOOTSTRAP="1")
        self.assertEqual((0, "bootstrap: skipped (BOTTLE_SKIP_BOOTSTRAP=1)\n"), (got.returncode, got.stdout))


if __name__ == "__main__":
    unittest.main()
