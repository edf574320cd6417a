"""The linters can fail: each rule refuses one text made for it, and accepts the right way to write it."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lints import citations, coroutines, go_lines, hints, includes, oldest_go, problem_codes, sizes, words  # noqa: E402
from lints.tree import Tree, blank, comments  # noqa: E402


def coroutine(body, signature="awaitable<void> f()"):
    return [f.text for f in coroutines.check(Tree({"proxy/x.cc": f"{signature} {{\n  int local = 0;\n  {body}\n}}\n"}))]


class Coroutines(unittest.TestCase):
    REFUSED = {
        "if (co_await ready()) go();": "condition of if",
        "while (co_await ready()) go();": "condition of while",
        "switch (co_await kind()) { case 1: break; }": "condition of switch",
        "for (;;) { if (co_await ready()) go(); }": "condition of if",
        "if (a) b(); else if (co_await ready()) go();": "condition of if",
        "co_await sink(Chunk{1, 2});": "braced temporary",
        "co_await dial({.host = host});": "braced temporary",
        "co_await f({});": "braced temporary",
        "auto x = Agg{co_await a(), 1};": "braced temporary",
        "co_return Agg{co_await a()};": "braced temporary",
        "T list[] = {co_await a()};": "braced temporary",
        "co_await std::array<int, 2>{1, 2}.method();": "braced temporary",
        "auto p = new T(co_await a());": "new expression",
        "co_await run([p] { return p->close(); });": "capturing lambda",
        "co_await run([&] { return x; }, 1);": "capturing lambda",
        "auto s = tls ? co_await secure(x) : std::move(x);": "?:",
        "const auto a = co_await f(co_await g());": "more than one",
        "co_return {};": "does not compile",
        "auto job = [this]() -> awaitable<void> { co_await go(); };": "captures",
        "auto job = [x = 1]() -> awaitable<std::map<int, T>> { co_return; };": "captures",
        "co_spawn(executor, f(), handler);": "TaskGroup",
        "asio::post(executor, asio::detached);": "TaskGroup",
        "auto [ec] = co_await socket.async_wait(what, use_tuple);": "io_wait.h",
        "co_await asio::post(asio::use_awaitable_t<Executor>());": "io_wait.h",
    }
    ACCEPTED = (
        "const bool ok = co_await ready(); if (ok) go();",
        "if (auto o = co_await f(); o) go();",
        "while (auto o = co_await f()) go();",
        "Options options{.host = host}; auto s = co_await dial(std::move(options));",
        "auto job = [this, id] { return close(id); }; co_await run(job);",
        "auto [ec, n] = co_await stream.read_some(space); if (ec) co_return a ? b : c;",
        "co_return Failure{1, 2};",
        "if (x) { co_await f(); } else { co_await g(); }",
        "for (auto& y : list) { auto z = co_await f(y); if (!z) co_return; }",
        "auto job = []() -> awaitable<void> { co_await go(); };",
        "/* if (co_await x()) */ log(\"co_await f({})\"); co_await g();",
        "const auto a = list[co_await index()];",
        "switch (kind) { case Kind::A: co_await f(); break; default: break; }",
        "try { co_await f(); } catch (const E& e) { go(Agg{1}); }",
    )

    def test_refuses(self):
        for body, reason in self.REFUSED.items():
            with self.subTest(body):
                found = coroutine(body)
                self.assertTrue(any(reason in text for text in found), found)

    def test_accepts(self):
        for body in self.ACCEPTED:
            with self.subTest(body):
                self.assertEqual([], coroutine(body))

    def test_constructor_and_class_braces_are_no_temporaries(self):
        self.assertEqual([], coroutine("co_await f();", "struct S { int a = 0; S() : a{1}, b_(2) { go(); } T b_{2}; };\n"
                                       "template <class T> auto g(T t) -> std::vector<T> { return {t}; }\n"
                                       "awaitable<Result<int>> f()"))

    def test_base_may_spawn_but_not_detach(self):
        text = "void f() { asio::co_spawn(e, g(), handler); }"
        self.assertEqual([], coroutines.check(Tree({"proxy/base/x.cc": text})))
        self.assertEqual(1, len(coroutines.check(Tree({"proxy/base/x.cc": text.replace("handler", "asio::detached")}))))


class Includes(unittest.TestCase):
    def findings(self, files):
        return [f"{f.path}: {f.text}" for f in includes.check(Tree(files))]

    def test_layers(self):
        files = {"proxy/upstream/u.h": "#pragma once\n", "proxy/http/h.cc": '#include "proxy/upstream/u.h"\n'}
        self.assertIn("proxy/http may not include proxy/upstream", self.findings(files)[0])
        files = {"proxy/http/h.h": "#pragma once\n", "proxy/upstream/u.cc": '#include "proxy/http/h.h"\n'}
        self.assertEqual([], self.findings(files))

    def test_each_directory_has_its_own_row(self):
        self.assertIn("launcher/backend/new has no row", self.findings({"launcher/backend/new/n.cc": ""})[0])
        table = "".join(f"| `{directory}` | x | y |\n" for directory in includes.LAYERS)
        document = "docs/architecture.md"
        self.assertEqual([], self.findings({document: table}))
        self.assertIn("no row for certs", self.findings({document: table.replace("| `certs` | x | y |\n", "")})[0])
        self.assertIn("proxy/new has no row", self.findings({document: table + "| `proxy/new` | x | y |\n"})[0])

    def test_libraries_stay_at_home(self):
        for include in ("openssl/ssl.h", "nghttp2/nghttp2.h", "llhttp.h", "hs/hs.h"):
            self.assertEqual(1, len(self.findings({"proxy/desk/d.cc": f"#include <{include}>\n"})), include)
        self.assertEqual([], self.findings({"certs/c.cc": "#include <openssl/ssl.h>\n"}))
        self.assertEqual([], self.findings({"proxy/http/h1_parser.cc": "#include <llhttp.h>\n"}))

    def test_sans_io_through_a_chain(self):
        files = {"proxy/base/awaitable.h": "#pragma once\n#include <boost/asio/awaitable.hpp>\n",
                 "proxy/http/body.h": '#pragma once\n#include "proxy/base/awaitable.h"\n',
                 "proxy/http/h1_parser.cc": '#include "proxy/http/body.h"\n'}
        self.assertIn("reaches Asio: proxy/http/h1_parser.cc > proxy/http/body.h > proxy/base/awaitable.h",
                      self.findings(files)[0])

    def test_headers(self):
        self.assertIn("#pragma once", self.findings({"certs/a.h": "int x;\n"})[0])
        files = {"certs/a.h": "#pragma once\n", "certs/a.cc": '#include <vector>\n#include "certs/a.h"\n'}
        self.assertIn("own header comes first", self.findings(files)[0])
        self.assertIn("not in the tree", self.findings({"certs/a.cc": '#include "a.h"\n'})[0])

    def test_tests_include_from_the_root(self):
        files = {"tests/support/run.h": "#pragma once\n", "tests/unit/http/peer.h": "#pragma once\n",
                 "proxy/http/h.h": "#pragma once\n"}
        for include in ("support/run.h", "unit/http/peer.h", "peer.h", "./peer.h", "../../support/run.h", "http/h.h"):
            self.assertIn(f'tests/unit/http/h_test.cc: "{include}" is not in the tree',
                          "".join(self.findings({**files, "tests/unit/http/h_test.cc": f'#include "{include}"\n'})))
        right = '#include "proxy/http/h.h"\n#include "tests/support/run.h"\n#include "tests/unit/http/peer.h"\n'
        self.assertEqual([], self.findings({**files, "tests/unit/http/h_test.cc": right}))

    def test_backends_are_seen_by_their_table_alone(self):
        backend = {"launcher/backend/local/l.h": "#pragma once\n"}
        include = '#include "launcher/backend/local/l.h"\n'
        self.assertEqual([], self.findings({**backend, "launcher/main.cc": include}))
        self.assertEqual(1, len(self.findings({**backend, "launcher/plan/plan.cc": include})))
        self.assertEqual(1, len(self.findings({**backend, "launcher/backend/docker/d.cc": include})))


class GoLines(unittest.TestCase):
    def findings(self, path, line):
        return [f"{f.line}: {f.text}" for f in go_lines.check(Tree({path: f"package a\n{line}\n"}))]

    def test_refuses_a_column_more(self):
        self.assertEqual([], self.findings("tests/go/a.go", "x" * 120))
        self.assertIn("2: 121 columns", self.findings("tests/go/a.go", "x" * 121)[0])
        self.assertEqual([], self.findings("bench/a.go", "\t\t" + "x" * 112))
        self.assertIn("2: 121 columns", self.findings("bench/a.go", "\t\t" + "x" * 113)[0])

    def test_counts_characters_and_go_alone(self):
        self.assertEqual([], self.findings("tests/go/a.go", "é" * 120))
        self.assertEqual([], self.findings("docs/a.md", "x" * 121))


class Words(unittest.TestCase):
    def findings(self, path, text):
        return words.check(Tree({path: text}))

    def test_paths_of_a_machine(self):
        for path in ("work/main/x", "root/bottle", "home/jo/src", "Users/jo/x"):
            for text in (f"see /{path}", f"(/{path})", f"'/{path}'"):
                self.assertEqual(1, len(self.findings("docs/a.md", text)), text)
        for text in ("work/main", "https://host/work/x", "/workspace", "/home/agent/.gitconfig", "a/work/b", "/root/.ssh"):
            self.assertEqual([], self.findings("docs/a.md", text), text)

    def test_docker_stays_in_its_backend(self):
        for text in ("int docker_socket;", 'run({"docker", "ps"});', 'run("docker ps");'):
            self.assertEqual(1, len(self.findings("launcher/plan/plan.cc", text)), text)
            self.assertEqual([], self.findings("launcher/backend/docker/d.cc", text), text)
        self.assertEqual([], self.findings("launcher/main.cc", 'Entry{"docker", make}'))
        self.assertEqual([], self.findings("launcher/plan/plan.cc", '// docker comes later\nsay("not inside (docker run)");'))

    def test_http_knows_no_scanner(self):
        for text in ("// for the scanner", "Code::ScannerUnavailable", "DecidedBy::Pipelock", '"x-pipelock"', "// the exit tells",
                     "By::Exit", "ExitServer& exit_;", "bool bypass_body;", "// the guard looks", "SecretGuard& g;", "Guard guard_;"):
            self.assertNotEqual([], self.findings("proxy/http/a.h", text), text)
            self.assertEqual([], self.findings("proxy/flow/a.h", text), text)
        for text in ("FloodGuard flood_guard_;", '#include "proxy/http/flood_guard.h"', "// the flood guard", "class Doorkeeper",
                     "an existing one", "guarded(x)", "// safeguards"):
            self.assertEqual([], self.findings("proxy/http/a.h", text), text)

    def test_empty_tests(self):
        for text in ("GTEST_SKIP();", "EXPECT_TRUE(true);", "t.Skip()"):
            self.assertEqual(1, len(self.findings("tests/unit/x_test.cc", text)), text)
        self.assertEqual([], self.findings("tests/unit/x_test.cc", 'GTEST_SKIP() << "no java";'))

    def test_length_warns(self):
        self.assertEqual(1, len(words.warn(Tree({"proxy/a.cc": "\n" * 501}))))
        self.assertEqual([], words.warn(Tree({"proxy/a.cc": "\n" * 500})))


class PlainEnglish(unittest.TestCase):
    RIDDLES = ("Whoever asks is told.", "It waits for nobody.", "They run all the same.", "All of it but for the end.",
               "A line for who wrote it.", "Who guesses needs another one.")

    def findings(self, path, text):
        return [(f.line, f.text) for f in words.riddles(Tree({path: text}))]

    def test_refuses_riddles_everywhere_a_person_reads(self):
        for text in self.RIDDLES:
            for path, written in {"docs/a.md": f"# A\n\n{text}\n", "proxy/a.h": f"\n\nint a;  // {text}\n",
                                  "tests/a.go": f"\n\n// {text}\n", "scripts/a": f"\n\n# {text}\n",
                                  "launcher/a.cc": f'\n\nsay("{text}");\n'}.items():
                self.assertEqual([3], [line for line, _ in self.findings(path, written)], (path, written))

    def test_finds_a_phrase_across_two_lines(self):
        self.assertEqual(1, len(self.findings("proxy/a.cc", "// They run all\n// the same.\n")))
        self.assertEqual(1, len(self.findings("docs/a.md", "They run all\nthe same.\n")))

    def test_refuses_comments_without_a_subject(self):
        for text in ("What it costs.", "Whose events they are.", "What a peer\n// may do.",
                     "The cost.\n// What it costs is above.", "Closes it. What was passed in outlives it."):
            self.assertEqual(1, len(self.findings("proxy/a.h", f"// {text}\nint a;\n")), text)
            self.assertEqual(1, len(self.findings("proxy/a.h", f"int a;\n\n  /// {text}\n")), text)
        for text in ("what is left", "who asked for it", "whose values are others"):
            self.assertEqual(1, len(self.findings("proxy/a.h", f"int a = 0;  // {text}\n")), text)
        self.assertEqual([], self.findings("proxy/a.h", "// The cost is\n// what it costs. Whatever it is, it counts.\n"))
        self.assertEqual([], self.findings("proxy/a.h", "// What is it?\n"))
        self.assertEqual([], self.findings("docs/a.md", "What it costs\n"))

    def test_leaves_code_and_quotes_alone(self):
        for text in ("`By::Nobody`, the first one", 'says "nobody answers"', "the user nobody-else", "the same of all, but formal",
                     "Says who may use it"):
            self.assertEqual([], self.findings("proxy/a.h", f"// {text}\n"), text)
        self.assertEqual([], self.findings("proxy/a.h", "By by = By::Nobody;  // the default\n"))
        self.assertEqual([], self.findings("tests/a_test.cc", 'std::string a = "nobody in the test";\n'))
        self.assertEqual([], self.findings("docs/a.md", "```\nid nobody\n```\n`nobody`\n"))

    def test_comments_of_each_language(self):
        self.assertEqual([(0, "a b"), (12, "c")], list(comments("a.h", "// a\n// b\n\n\n// c\n")))
        self.assertEqual([(7, "a"), (12, "b c")], list(comments("a.cc", "int i; // a\n// b\n// c\n")))
        self.assertEqual([(21, "a")], list(comments("a.go", "s := `// no` + \"//\"; // a\n")))
        self.assertEqual([(3, "a b")], list(comments("a.h", "\n\n /* a\n * b */\n")))
        self.assertEqual([(12, "a")], list(comments("a.py", "#!/bin/sh\n\n\n# a\nb = 1  # c\n")))


@unittest.skipUnless(Path(oldest_go.OLDEST).exists(), "golang-1.19-go is missing (scripts/bootstrap test installs it)")
class OldestGo(unittest.TestCase):
    def found(self, **texts):
        with tempfile.TemporaryDirectory() as root:
            (Path(root) / "m").mkdir()
            (Path(root) / "m/go.mod").write_text("module m\n\ngo 1.19\n")
            for name, text in texts.items():
                (Path(root) / "m" / f"{name}.go").write_text(text)
            return [str(finding) for finding in oldest_go.check(root, ["m/go.mod"])]

    def test_a_newer_function_in_a_test(self):
        found = self.found(main="package m\n", some_test='package m\n\nimport "strings"\n\nvar _, _ = strings.CutPrefix("ab", "a")\n')
        self.assertEqual(1, len(found), found)
        self.assertIn("m/some_test.go:5: Go 1.19: ", found[0])
        self.assertIn("CutPrefix", found[0])

    def test_a_newer_package(self):
        self.assertIn("slices", "".join(self.found(main='package m\n\nimport _ "slices"\n')))

    def test_accepts(self):
        self.assertEqual([], self.found(main='package m\n\nimport "strings"\n\nvar _, _, _ = strings.Cut("ab", "a")\n'))


class OldestGoIsMissing(unittest.TestCase):
    def test_is_said(self):
        self.assertEqual(["golang-1.19-go"], [f.text.split()[0] for f in oldest_go.check("/", ["m/go.mod"], "/nonexistent/go")])


class Blank(unittest.TestCase):
    def test_keeps_offsets(self):
        text = 'a = "x // y"; // z\nR"(b " /* c)"; 1\'000; \'"\'; /* d\n e */ f'
        got = blank(text)
        self.assertEqual(len(text), len(got))
        self.assertEqual(text.count("\n"), got.count("\n"))
        for gone in ("x //", "z", "c)", "d"):
            self.assertNotIn(gone, got)
        self.assertIn("1'000", got)
        self.assertTrue(got.endswith("f"))


class Sizes(unittest.TestCase):
    FUNCTION = "namespace a {\nclass B {\n  int f() const {\n" + "    g();\n" * 78 + "  }\n};\n}\n"

    def texts(self, text):
        return [str(finding) for finding in sizes.check(Tree({"proxy/a.cc": text}))]

    def test_bounds(self):
        self.assertEqual([], self.texts(self.FUNCTION))
        self.assertEqual(["proxy/a.cc:3: a function of 81 lines; one has at most 80"],
                         self.texts(self.FUNCTION.replace("g();", "g();\n", 1)))
        self.assertEqual([], self.texts("int a;\n" * 450))
        self.assertEqual(1, len(self.texts("int a;\n" * 451)))

    def test_what_is_a_function(self):
        text = ("#define X {\nconstexpr int kTable[] = {1, 2};\nint f(int a) {\n  auto g = [] { return 1; };\n"
                "  if (a) {\n  }\n  return g();\n}\nstruct S {\n  S() : a{1} {}\n  int a;\n};\n")
        self.assertEqual([(3, 6)], [f for f in sizes.functions_of(text) if f[1] > 1])


class Hints(unittest.TestCase):
    WORLD = {
        "proxy/config/options.cc": 'OptionRow{"allow", "HOST", true, 0},\nOptionRow{"limit", "NAME=NUMBER", true, 0},\n',
        "launcher/command/command_line.cc": 'single(app, "--scanner", options.scanner, "NAME");\n',
        "proxy/contract/route.h": 'RouteRow{Route::Scan, "scan", false}, RouteRow{Route::Deny, "deny", false},\n',
        "proxy/config/limits.cc": 'BOTTLE_N("spool_body_bytes", 0, 1, a.b),\n',
        "launcher/command/commands.cc": '{.name = "allow",\n .summary = "let a value out",\n',
        "launcher/manifest/manifest_examples.cc": 'Example{"hosts", "x"},\n',
        "docs/manifest.md": "| `hosts` | who gets it |\n| `old_key` | a page may be behind |\n--scanner --limit\n",
        "docs/config.md": "| `--allow HOST` |\n",
    }

    def hint(self, text, path="proxy/x.cc"):
        return [f.text for f in hints.check(Tree({**self.WORLD, path: f"auto f = Failure{{Code::X, {text}}};\n"}))]

    def test_refuses_what_does_not_exist(self):
        for text, word in {
            '"Ask for --alow HOST then."': "--alow",
            '"Ask for it, or "\n    "add --no-scan to it."': "--no-scan",
            '"This host needs the route relay for that."': "relay",
            '"Ask for a larger spool_bytes limit."': "spool_bytes",
            '"Raise max_response_gb of the scanner."': "max_response_gb",
            '"Add it to the \\"homes\\" of the secret."': "homes",
            '"Ask to have it allowed in the configuration."': "no setting",
            '". If it belongs there, say so in its configuration."': "no setting",
            '"The person can say so in the scanner\'s settings."': "no setting",
            '"Add it to the \\"old_key\\" of the secret."': "no key old_key",
            '"The person may run `bottle permit --scanner x` for it."': "no command bottle permit",
        }.items():
            findings = self.hint(text)
            self.assertTrue(any(word in finding for finding in findings), (text, findings))
        self.assertEqual(len(self.hint('"ask for --alow HOST then"', "launcher/x.cc")), 1)

    def test_accepts_what_does(self):
        for text in ('"Ask for --allow HOST then."', '"Ask for a bottle with --scanner guard."', '"Raise --limit spool_body_bytes for it."',
                     '"The host has the route deny, so use another."', '"Add it to the \\"hosts\\" of the secret."',
                     '"a key in_body is of the secrets file"', '"--unknown"', '// "Ask for --nothing at all."\n"x"'):
            self.assertEqual(self.hint(text), [], text)
        self.assertEqual(self.hint('"run bwrap --unshare-all with it"', "launcher/backend/local/x.cc"), [])

    def test_wants_a_page_for_what_it_names(self):
        self.WORLD = {**self.WORLD, "docs/config.md": "nothing\n"}
        self.assertEqual(["--allow is neither in docs/manifest.md nor in docs/config.md"], self.hint('"Ask for --allow HOST then."'))
        self.assertEqual([], self.hint('"The person may run `bottle allow --scanner x` for it."'))

    def test_the_line_is_that_of_the_sentence(self):
        found = hints.check(Tree({**self.WORLD, "proxy/x.cc": "\n\nf(\"a b --nope c\");\n"}))
        self.assertEqual([(f.path, f.line) for f in found], [("proxy/x.cc", 3)])


class ProblemCodes(unittest.TestCase):
    WORLD = {
        "proxy/contract/problem_codes.h":
            "// Rows.\n"
            'inline constexpr std::string_view kClientBad = "client_bad";\n'
            'inline constexpr std::string_view kInternal = "internal";\n\n'
            "// Narrower.\n"
            'inline constexpr std::string_view kBadHost = "bad_host";\n'
            'inline constexpr std::string_view kBadLine =\n    "bad_line";\n',
        "docs/errors.md": "`bad_host`, `request_id`\n\n| failure | code |\n|---|---|\n| `ClientBad` | `client_bad` |\n"
                          "| `Internal` | `internal` |\n\n| code | when |\n|---|---|\n| `bad_host`, `bad_line` | x |\n"
                          "| one of them (`bad_line`) | `x` |\n\n| name | when |\n|---|---|\n| `other` | x |\n",
        "proxy/base/failure.cc": "FailureTraits{Code::ClientBad, problem_code::kClientBad, 400, \"x\"},\n"
                                 "FailureTraits{Code::Internal, problem_code::kInternal, 500, \"x\"},\n",
        "proxy/http/a.cc": 'Failure f{Code::ClientBad, "no, none", problem_code::kBadHost, "Give one."};\n'
                           "f.reason = problem_code::kBadLine;\n",
    }

    def found(self, path, *change):
        files = dict(self.WORLD)
        files[path] = files[path].replace(*change) if len(change) == 2 else change[0]
        return [f.text for f in problem_codes.check(Tree(files))]

    def test_accepts(self):
        for text in ('Failure f(Code::A, "a" + g("x"), {}, "b");', 'return {Code::A, "x, y"};', 'Error{Code::kUsage, "x", "hint"};',
                     'Failure g(std::string a, std::string_view reason);\ng("x", word);', '// "bad_host"', 'kJson = R"({"error":"bad_host"})";',
                     'say("internal");', 'Failure f(Code::A, what, "");'):
            self.assertEqual([], self.found("proxy/x.cc", text), text)

    def test_constants_and_rows_are_the_same(self):
        page, header = "docs/errors.md", problem_codes.HEADER
        self.assertEqual(["no row has the code bad_line"], self.found(page, "`, `bad_line` |", "` |"))
        self.assertEqual(["no row has the code internal"], self.found(page, "| `internal` |", "| internal |"))
        self.assertEqual([f"{header} has no bad_port"], self.found(page, "`request_id`", "`request_id`, `bad_port`"))
        self.assertEqual([f"{header} has no bad"], self.found(page, "`bad_host`, `bad_line`", "`bad_host`, `bad_line`, `bad`"))
        self.assertEqual(["bad_host has two rows"], self.found(page, "| `bad_host`,", "| `bad_host` | x |\n| `bad_host`,"))

    def test_constants(self):
        header = problem_codes.HEADER
        first = 'inline constexpr std::string_view kAfter = "bad_zone";\n'
        self.assertIn("kBadHost comes before kAfter", self.found(header, "// Narrower.\n", "// Narrower.\n" + first))
        self.assertIn("kBadName is not the name of bad_line", self.found(header, "kBadLine", "kBadName"))
        self.assertEqual(["kBadLine is used nowhere"], self.found("proxy/http/a.cc", "f.reason = problem_code::kBadLine;", ""))

    def test_literals(self):
        for text, word in {
            'Failure f{Code::A, "a, (b)" + g(1, 2), "new_word"};': "new_word",
            'Failure f(code, "x", bad ? "one" : problem_code::kBadHost);': "one",
            'return {Code::A,\n "x",\n "new_word", "hint"};': "new_word",
            'return Failure{ok ? Code::A : Code::B, "x", "new"};': "new",
            'FailureTraits{Code::A, "new_word", 400};': "new_word",
            'Failure cut(std::string a, std::string_view reason) {}\nreturn cut("x", "new");': "new",
            'record.reason = "new";': "new",
            'constexpr Row kRows[] = {{1, "bad_host"}};': "bad_host",
        }.items():
            self.assertEqual([f'"{word}" is to be a constant of {problem_codes.HEADER}'], self.found("proxy/x.cc", text), text)


class Citations(unittest.TestCase):
    WORLD = {
        "docs/threats.md": "| number | attack | answer | tests |\n|---|---|---|---|\n| T02 | a | b | `Rules.ListedMethodsPass` `TestNoTunnel` |\n"
                           "| T57 | a | b | `Session.SlowReaderIsLeft` |\n| U01 | a | b | `Rules.ListedMethodsPass` |\n",
        "docs/pipelock.md": "# pipelock\n## 1. Requests\n`Rules.ListedMethodsPass`\n## 6. Answers\n### 6.4 Cuts\n",
        "tests/unit/rules_test.cc": "// Why.\n// [T02, U01]\nTEST(Rules, ListedMethodsPass) {}\nTEST_F(Rules,\n       Other) {}\n",
        "tests/session/session_test.cc": "SESSION_TEST(SlowReaderIsLeft, slow())\n",
        "tests/go/integration/a_test.go": "// TestNoTunnel: why.\n// [T02]\nfunc TestNoTunnel(t *testing.T) {\n",
        "scripts/run-tests": 'MEASURING = ("^Test(No|"\n             "NoTunnel)")\n',
    }

    def found(self, **changes):
        """Of the world with `path=(old, new)` or `path=text`."""
        files = dict(self.WORLD)
        for name, change in changes.items():
            path = {"threats": "docs/threats.md", "pipelock": "docs/pipelock.md", "cc": "tests/unit/rules_test.cc",
                    "go": "tests/go/integration/a_test.go", "run": "scripts/run-tests"}.get(name, f"proxy/{name}.cc")
            path = "docs/a.md" if name == "page" else path
            files[path] = files[path].replace(*change) if isinstance(change, tuple) else change
        return [f.text for f in citations.check(Tree(files))]

    def test_accepts(self):
        self.assertEqual([], self.found())
        for text in ("// why: threat T57 (docs/threats.md)", "// (threats T02\n// and T57)", "a threat to 3 of us", "// docs/pipelock.md, section 6.4).",
                     "// (docs/pipelock.md,\n// sections 1 and 6)", "RFC 9110 section 9", "proxy/contract, not section"):
            self.assertEqual([], self.found(code=text), text)
        for text in ("[pipelock.md](pipelock.md), section 6", "T57, 2026-11-24T10:00:00", "`TestNoTunnel` `TestNo…` `go test -run TestName`"):
            self.assertEqual([], self.found(page=text), text)

    def test_numbers_without_a_row(self):
        for text in ("// threat T58", "// threats T02 and\n// T58", "// threats T02, T58 and T57"):
            self.assertEqual(["docs/threats.md has no row T58"], self.found(code=text), text)
        self.assertEqual(["docs/threats.md has no row T58"], self.found(page="see T58"))
        self.assertEqual(["docs/threats.md has no row T58"], self.found(cc=("[T02, U01]", "[T02, T58]")))
        for text in ("// threat 57", "// Threats 31 and T57:"):
            self.assertIn("is cited as T57", " ".join(self.found(code=text)), text)

    def test_rows(self):
        self.assertEqual(["T57 has no test"], self.found(threats=("`Session.SlowReaderIsLeft`", "later")))
        self.assertEqual(["there is no test Rules.Gone"], self.found(threats=("`Session.Slow", "`Rules.Gone` `Session.Slow")))
        self.assertEqual(["T02 has two rows"], self.found(threats=("| T57 |", "| T02 | a | b | `TestNoTunnel` `Rules.ListedMethodsPass` |\n| T57 |")))
        self.assertEqual(["the row T02 of docs/threats.md does not name TestNoTunnel"], self.found(threats=(" `TestNoTunnel`", "")))
        self.assertEqual(["there is no test TestNoTunnel", "[T02] stands above no test", "no test begins with TestNo",
                          "no test begins with TestNoTunnel"], self.found(go=("func TestNoTunnel", "func noTunnel")))

    def test_marks(self):
        self.assertEqual(["[T02, U01] stands above no test"], self.found(cc=("U01]\n", "U01]\n// Why.\n")))
        for mark in ("[T2]", "[T02 U01]", "[T02,U01]"):
            self.assertEqual(["the numbers above a test are written // [T02, T06]"], self.found(cc=("[T02, U01]", mark)), mark)

    def test_names_by_number(self):
        for name in ("T02Other", "U1Other"):
            self.assertEqual(1, len(self.found(cc=("Other", name))), name)
        self.assertEqual(1, len(self.found(go="func TestNoTunnel() {}\nfunc TestT02_Tunnel(t *testing.T) {\n")))

    def test_sections(self):
        for text in ("// docs/pipelock.md, section 7", "// (docs/pipelock.md,\n// sections 1, 6 and 7)"):
            self.assertEqual(["docs/pipelock.md has no section 7"], self.found(code=text), text)
        for text in ("// (its contract, section 6.4)", "// as its contract says (section 6)"):
            self.assertEqual(["cite docs/pipelock.md, section N"], self.found(code=text), text)

    def test_named_tests(self):
        self.assertEqual(["there is no test TestGone"], self.found(page="`TestGone`"))
        self.assertEqual(["there is no test TestGone…"], self.found(page="`TestGone…`"))
        self.assertEqual(["there is no test Rules.Gone"], self.found(pipelock=("ListedMethodsPass", "Gone")))
        self.assertEqual(["no test begins with TestLarge"], self.found(run=("No|", "No|Large|")))
        self.assertEqual(["no test begins with TestLater"], self.found(run=("MEASURING", 'MORE = "^Test(No|Later)"\nMEASURING')))


if __name__ == "__main__":
    unittest.main()
