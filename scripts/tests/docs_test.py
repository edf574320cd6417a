"""The documents are compared with the code: each difference that matters is found."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lints import docs  # noqa: E402
from lints.tree import Tree  # noqa: E402

FAILURES = ('FailureTraits{Code::ClientBad, problem_code::kClientBad, 400, "Bad", "Do \\"x\\"; "\n "then y.", ProtocolError, true, LogLevel::Info, InvalidArgument, Proxy},\n'
            'FailureTraits{Code::ClientGone, problem_code::kClientGone, 0, "Gone", "", Cancel, true,\n LogLevel::Debug, Cancelled, Client},')
CODES = ('inline constexpr std::string_view kClientBad = "client_bad";\n'
         'inline constexpr std::string_view kClientGone =\n    "client_gone";\n')
ERRORS = ("| `ClientBad` | `client_bad` | 400 | PROTOCOL_ERROR | closes | info | x |\n"
          "| `ClientGone` | `client_gone` | – | CANCEL | closes | debug | x |\n"
          "| INVALID_ARGUMENT (3) | `ClientBad` |\n")
HEADER = """struct XLimits {
  std::chrono::milliseconds idle{90'000};  // why
  std::size_t bytes = 64 * 1024;
  std::uint64_t big = 32u << 20;
  Bucket resets{100, 10};
  [[nodiscard]] static XLimits other(std::size_t in_flight = 32) {
    XLimits limits;
    limits.bytes = in_flight;
    return limits;
  }
};
inline constexpr std::size_t kMaxThings = 7;
"""
LIMITS = """## X: `XLimits`
| limit | default | `--limit` | why |
|---|---|---|---|
| `idle` | 90 s | `idle_ms` | x |
| `bytes` | 64 KiB | | x |
| `big` | 32 MiB | | x |
| `resets` | 100, then 10 a second | | x |
## Fixed
| bound | value | why |
|---|---|---|
| `kMaxThings` | 7 | x |
"""
LIMIT_ROWS = 'BOTTLE_MS("idle_ms", 100, kDay, session.idle),'


class Docs(unittest.TestCase):
    def texts(self, check, files):
        return [f.text for f in check(Tree(files))]

    def test_errors(self):
        def found(errors):
            return self.texts(docs.check_errors, {"proxy/base/failure.cc": FAILURES, "proxy/contract/problem_codes.h": CODES,
                                                   "docs/errors.md": errors})
        self.assertEqual([], found(ERRORS))
        for old, new in (("400", "401"), ("closes", "stays"), ("CANCEL", "NO_ERROR"), ("`client_bad`", "`bad`"), ("debug", "warn")):
            self.assertEqual(1, len(found(ERRORS.replace(old, new, 1))), new)
        lines = ERRORS.split("\n")
        self.assertEqual(["no row for `ClientGone`"], found("\n".join([lines[0], lines[2]])))
        self.assertEqual(["`ClientBad` stands in no row of a gRPC status"], found("\n".join(lines[:2])))
        self.assertEqual(1, len(found(ERRORS.replace("INVALID_ARGUMENT (3)", "INTERNAL (13)"))))

    def test_limits(self):
        def found(limits, header=HEADER, rows=LIMIT_ROWS):
            return self.texts(docs.check_limits, {"proxy/x.h": header, "proxy/config/limits.cc": rows, "docs/limits.md": limits})
        self.assertEqual([], found(LIMITS))
        for old, new in (("90 s", "91 s"), ("64 KiB", "64 KB"), ("32 MiB", "32"), ("100, then", "90, then"), ("| 7 |", "| 8 |"),
                         ("`bytes`", "`bites`"), ("`idle_ms`", "`idle`"), ("| `big`", "| big")):
            self.assertTrue(found(LIMITS.replace(old, new, 1)), new)
        self.assertTrue(found(LIMITS, header=HEADER.replace("};\n", "  int more = 1;\n};\n", 1)))
        self.assertTrue(found(LIMITS, rows=LIMIT_ROWS + '\nBOTTLE_N("new", 1, 2, x),'))

    def test_options(self):
        code = 'OptionRow{"listen", "A", false, "x", f}, OptionRow{\n "audit", "F"'
        page = "| `--listen ADDR` | | x |\n| `--audit FILE` | | x |\n| `--config FILE` | | x |\n"
        self.assertEqual([], self.texts(docs.check_options, {"proxy/config/options.cc": code, "docs/config.md": page}))
        self.assertEqual(["--extra is missing"], self.texts(
            docs.check_options, {"proxy/config/options.cc": code + 'OptionRow{"extra"', "docs/config.md": page}))
        self.assertEqual(["bottle-proxy has no --gone"], self.texts(
            docs.check_options, {"proxy/config/options.cc": code, "docs/config.md": page + "| `--gone` | | |\n"}))

    def test_exit_codes(self):
        files = {"proxy/contract/exit_code.h": "  // Both programs.\n  kOk = 0,\n  // `bottle`.\n  kUsage = 64,  // 65\n"}
        page = "## `bottle`\n| 0 | x |\n| 64 | x |\n## `bottle-proxy`\n| 0 | x |\n"
        self.assertEqual([], self.texts(docs.check_exit_codes, {**files, "docs/exit-codes.md": page}))
        self.assertEqual(1, len(self.texts(docs.check_exit_codes, {**files, "docs/exit-codes.md": page.replace("| 64 | x |\n", "")})))
        self.assertEqual(1, len(self.texts(docs.check_exit_codes, {**files, "docs/exit-codes.md": page + "| 9 | x |\n"})))

    def test_links_and_targets(self):
        files = {"docs/a.md": "[b](b.md#x) [c](../proxy/c.h) [d](decisions/) [web](https://x.test/)\n\n    make test\n`make lint FILES=x`\n",
                 "docs/b.md": "", "proxy/c.h": "", "docs/decisions/1.md": "", "Makefile": "test: x\nlint: x\n"}
        self.assertEqual([], self.texts(docs.check_links, files) + self.texts(docs.check_targets, files))
        for gone in ("docs/b.md", "proxy/c.h", "docs/decisions/1.md"):
            self.assertEqual(1, len(self.texts(docs.check_links, {k: v for k, v in files.items() if k != gone})), gone)
        self.assertEqual(2, len(self.texts(docs.check_targets, {**files, "Makefile": ""})))


if __name__ == "__main__":
    unittest.main()
