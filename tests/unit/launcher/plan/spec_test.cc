#include "launcher/plan/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "launcher/plan/pipelock_config.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string program(const std::filesystem::path& file) {
  std::ofstream(file) << "#!/bin/sh\n";
  ::chmod(file.c_str(), 0755);
  return file.string();
}

class Spec : public testing::Test {
 protected:
  Spec() {
    std::string pattern = testing::TempDir() + "spec-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ / "home");
    std::filesystem::create_directories(root_ / "project");
    std::filesystem::create_directories(root_ / "bin");
    program(root_ / "bin/bottle-proxy");
    around_.directory = root_ / "project";
    around_.home = root_ / "home";
    around_.env = {{"PATH", "/usr/bin:/bin:/opt/tools/bin:/home/x/bin"}, {"TERM", "vt100"}};
  }
  ~Spec() override { std::filesystem::remove_all(root_); }

  void manifest(const std::string& text) const {
    std::ofstream(root_ / "project/bottle.json") << text;
  }
  Expected<Plan> plan(const StartOptions& options) const {
    auto spec = make_spec(options, around_);
    if (!spec) return std::move(spec.error());
    return make_plan(*spec, "local", "as asked", root_ / "bin");
  }

  std::filesystem::path root_;
  Surroundings around_;
  StartOptions options_;
};

TEST_F(Spec, ArgumentsAreAddedToTheAgentsCommand) {
  manifest(R"({"bottles": {"default": {}},
               "agents": {"claude": {"bottle": "default", "command": ["claude", "--model", "x"]}}})");
  options_.name = "claude";
  options_.arguments = {"--continue"};
  const auto spec = make_spec(options_, around_);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_THAT(spec->command, ElementsAre("claude", "--model", "x", "--continue"));
  options_.name = "default";
  const auto bottle = make_spec(options_, around_);
  ASSERT_FALSE(bottle);
  EXPECT_THAT(bottle.error().message, HasSubstr("a bottle without a command"));
  EXPECT_THAT(bottle.error().hint, HasSubstr("bottle start default -- COMMAND"));
  options_.name = "claud";
  const auto unknown = make_spec(options_, around_);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().hint, HasSubstr("did you mean \"claude\"? it has: claude, default"));
}

TEST_F(Spec, WithoutAManifestTheFolderIsTheWorkspaceAndNothingIsAllowed) {
  options_.command = {"true"};
  const auto spec = make_spec(options_, around_);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->workspace, root_ / "project");
  EXPECT_TRUE(spec->allow.empty());
  EXPECT_EQ(spec->scanner, Scanner::kGuard);
  EXPECT_THAT(spec->scanner_why, HasSubstr("no pipelock is given"));
}

TEST_F(Spec, CommandLineAddsToListsAndReplacesTheRest) {
  manifest(R"({"bottles": {"default": {"egress": {"allow": ["a.example"]}, "scanner": "guard",
               "workspace": "sub"}}, "agents": {"me": {"bottle": "default", "command": ["run"]}}})");
  options_.name = "me";
  options_.allow = {"b.example"};
  const auto spec = make_spec(options_, around_);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_THAT(spec->allow, ElementsAre("a.example", "b.example"));
  EXPECT_THAT(spec->command, ElementsAre("run"));
  EXPECT_EQ(spec->workspace, root_ / "project/sub");
  options_.command = {"other"};
  const auto replaced = make_spec(options_, around_);
  ASSERT_TRUE(replaced);
  EXPECT_THAT(replaced->command, ElementsAre("other"));
}

TEST_F(Spec, UnknownNameListsWhatThereIs) {
  manifest(R"({"bottles": {"one": {}, "two": {}}})");
  options_.name = "three";
  const auto named = make_spec(options_, around_);
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().hint, HasSubstr("one, two"));
  options_.name.reset();
  const auto unnamed = make_spec(options_, around_);
  ASSERT_FALSE(unnamed);
  EXPECT_THAT(unnamed.error().message, HasSubstr("which bottle?"));
}

TEST_F(Spec, AManifestThatAsksForPipelockNeverFallsBack) {
  around_.env["PATH"] = "/nonexistent";
  manifest(R"({"bottles": {"default": {"scanner": "pipelock"}}})");
  const auto spec = make_spec(options_, around_);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->scanner, Scanner::kPipelock);
  const auto plan = find_pipelock(*spec);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ExitCode::kScanner);
  EXPECT_THAT(plan.error().hint, HasSubstr("--scanner guard"));
}

TEST_F(Spec, AGivenPipelockIsUsedUnlessSomeoneAsksForTheGuard) {
  around_.env["PIPELOCK_BIN"] = program(root_ / "bin/pipelock");
  const auto spec = make_spec(options_, around_);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->scanner, Scanner::kPipelock);
  EXPECT_THAT(spec->scanner_why, HasSubstr("PIPELOCK_BIN"));
  options_.scanner = "guard";
  const auto guard = make_spec(options_, around_);
  ASSERT_TRUE(guard);
  EXPECT_EQ(guard->scanner, Scanner::kGuard);
  EXPECT_FALSE(guard->pipelock_bin);
}

TEST_F(Spec, WrongValuesAreNamed) {
  const auto message = [this](const StartOptions& options) {
    const auto spec = make_spec(options, around_);
    return spec ? std::string() : spec.error().message;
  };
  StartOptions bad;
  bad.allow = {"https://x"};
  EXPECT_THAT(message(bad), HasSubstr("--allow https://x"));
  bad = {};
  bad.scanner = "none";
  EXPECT_THAT(message(bad), HasSubstr("\"none\""));
  bad = {};
  bad.pipelock_url = "127.0.0.1:8888";
  EXPECT_THAT(message(bad), HasSubstr("http://"));
  bad = {};
  bad.allow_addresses = {"ten"};
  EXPECT_THAT(message(bad), HasSubstr("\"ten\""));
  bad = {};
  bad.pipelock_url = "http://127.0.0.1:1";
  bad.pipelock_bin = "x";
  EXPECT_THAT(message(bad), HasSubstr("both given"));
  bad = {};
  bad.manifest = "absent.json";
  EXPECT_THAT(message(bad), HasSubstr("absent.json"));
}

TEST_F(Spec, ThePrintedPlanShowsNoSecret) {
  around_.env["HOME"] = (root_ / "home").string();
  std::ofstream(root_ / "home/token") << "file-secret-value\n";
  ::setenv("SPEC_TEST_KEY", "host-secret-value", 1);
  manifest(R"({"bottles": {"default": {"env": {"PLAIN": "visible", "SHORT": {"file": "short"},
      "SPEC_TEST_KEY": {"from_host": true, "hosts": ["api.example"]},
      "TOKEN": {"file": "~/token"}, "ASKED": {"prompt": "the question"}}}}})");
  std::ofstream(root_ / "project/short") << "abc";
  options_.dry_run = true;
  const auto made = plan(options_);
  ::unsetenv("SPEC_TEST_KEY");
  ASSERT_TRUE(made) << made.error().message;
  const std::string text = describe(*made);
  EXPECT_THAT(text, HasSubstr("PLAIN=visible"));
  EXPECT_THAT(text, HasSubstr("SPEC_TEST_KEY=***"));
  EXPECT_THAT(text, HasSubstr("TOKEN=***"));
  EXPECT_THAT(text, HasSubstr("ASKED=***"));
  EXPECT_THAT(text, HasSubstr("the question"));
  EXPECT_THAT(text, HasSubstr("SPEC_TEST_KEY may go to: api.example"));
  EXPECT_THAT(text, HasSubstr("SHORT is too short"));
  EXPECT_THAT(text, Not(HasSubstr("secret-value")));
  EXPECT_THAT(text, Not(HasSubstr("abc")));
  for (const auto& argument : made->proxy.arguments) {
    EXPECT_THAT(argument, Not(HasSubstr("secret-value")));
  }
  ASSERT_EQ(made->secrets.size(), 2U);
  EXPECT_EQ(made->secrets[0].value.reveal(), "host-secret-value");
  EXPECT_EQ(made->secrets[1].value.reveal(), "file-secret-value");
}

TEST_F(Spec, ThePrintedPlanTellsWhatIsKeptOut) {
  std::ofstream(root_ / "project/token") << "ghp_k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW\n";
  manifest(R"({"bottles": {"default": {"env": {
      "TOKEN": {"file": "token", "hosts": ["api.example"], "keep_out": true}}}}})");
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  const std::string text = describe(*made);
  EXPECT_THAT(text, HasSubstr("TOKEN=***"));
  EXPECT_THAT(text, HasSubstr("TOKEN: the bottle has a placeholder"));
  EXPECT_THAT(text, HasSubstr("(header) for: api.example"));
  EXPECT_THAT(text, Not(HasSubstr("may go to")));
  EXPECT_THAT(text, Not(HasSubstr("ghp_")));
}

TEST_F(Spec, ThePlanKeepsControlCharactersOffTheTerminal) {
  options_.command = {"echo", "\x1b[31mred\nline"};
  const auto made = plan(options_);
  ASSERT_TRUE(made);
  EXPECT_THAT(describe(*made), Not(HasSubstr("\x1b")));
  EXPECT_THAT(describe(*made), HasSubstr("'?[31mred?line'"));
}

TEST_F(Spec, TheBottlesEnvironmentIsItsOwn) {
  around_.env["AWS_SECRET_ACCESS_KEY"] = "do-not-pass";
  around_.env["HTTPS_PROXY"] = "http://corporate:8080";
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  const auto& env = made->environment;
  EXPECT_FALSE(env.contains("AWS_SECRET_ACCESS_KEY"));
  EXPECT_EQ(std::get<std::string>(env.at("HTTPS_PROXY")), "http://127.0.0.1:3128");
  EXPECT_EQ(std::get<std::string>(env.at("TERM")), "vt100");
  EXPECT_THAT(std::get<std::string>(env.at("PATH")), HasSubstr(":/opt/tools/bin"));
  EXPECT_THAT(std::get<std::string>(env.at("PATH")), Not(HasSubstr("/home/x")));
}

TEST_F(Spec, TheProxyIsToldThePolicy) {
  manifest(R"({"bottles": {"default": {"egress": {"allow": ["a.example:8443"],
      "routes": {"b.example": "deny"}, "allow_addresses": ["10.0.0.0/8"]}}}})");
  options_.resolve = {"a.example:8443=127.0.0.1:1"};
  options_.audit = "log";
  options_.audit_copy = "unix:/run/copy";
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(made->proxy.arguments,
              ElementsAre("--upstream", "direct", "--ca-names", "any", "--allow", "a.example:8443",
                          "--route", "b.example=deny", "--allow-address", "10.0.0.0/8", "--resolve",
                          "a.example:8443=127.0.0.1:1", "--bottle-id", made->id, "--audit",
                          (root_ / "project/log").string(), "--audit-copy", "unix:/run/copy"));
}

TEST_F(Spec, TheProxyIsToldWhatOriginsNeed) {
  manifest(R"({"bottles": {"default": {"egress": {"methods": {"dav.example": ["PROPFIND", "LOCK"]},
      "tls": {"old.example": {"legacy": true}}}}}})");
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(describe(*made), HasSubstr("--methods dav.example=PROPFIND,LOCK "
                                         "--tls-legacy old.example"));
  EXPECT_THAT(describe(*made), HasSubstr("old ciphers"));
}

TEST_F(Spec, LimitsAreTheProxys) {
  manifest(R"({"bottles": {"default": {"limits": {"write_stall_ms": 600000, "queue": 10}}}})");
  options_.limits = {"queue=20", "scanner_in_flight=8"};
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(describe(*made), HasSubstr("--limit queue=20 --limit scanner_in_flight=8 "
                                         "--limit write_stall_ms=600000"));
  for (const char* wrong : {"queue", "queue=", "queue=x", "=1", "Queue=1", "queue=-1", "queue=1.5",
                            "queue=1000000000000000000000"}) {
    options_.limits = {wrong};
    const auto bad = plan(options_);
    ASSERT_FALSE(bad) << wrong;
    EXPECT_EQ(bad.error().code, ExitCode::kUsage);
    EXPECT_THAT(bad.error().message, HasSubstr(wrong));
  }
}

TEST_F(Spec, AsksAsTheManifestOrTheCommandLineSays) {
  manifest(R"({"bottles": {"default": {"ask": true, "ask_command": ["./dialog"]}}})");
  auto asked = plan(options_);
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_THAT(asked->proxy.arguments, testing::Contains("--ask"));
  EXPECT_THAT(asked->ask.command, ElementsAre((root_ / "project/dialog").string()));
  EXPECT_THAT(describe(*asked), HasSubstr("project/dialog, bottle watch or bottle allow answers"));
  options_.ask_command = "my dialog";
  EXPECT_THAT(plan(options_)->ask.command, ElementsAre("/bin/sh", "-c", "my dialog"));
  manifest(R"({"bottles": {"default": {}}})");
  auto without = plan(options_);
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().hint, HasSubstr("add --ask"));
  options_.ask = true;
  EXPECT_THAT(plan(options_)->proxy.arguments, testing::Contains("--ask"));
  options_.ask_command = "";
  EXPECT_THAT(plan(options_).error().message, HasSubstr("needs a command"));
  options_ = {};
  EXPECT_THAT(plan(options_)->proxy.arguments, Not(testing::Contains("--ask")));
}

TEST_F(Spec, LimitsAndPortsOfTheCommandLineAreAdded) {
  manifest(R"({"bottles": {"default": {"limits": {"memory": "8g", "pids": 100},
              "ports": [3000, "3001:8080"]}}})");
  options_.memory = "1g";
  options_.cpus = "2";
  options_.ports = {"3000", "5173:0"};
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(describe(*made),
              HasSubstr("limits      1 GiB of memory, 2 processors, 100 processes\n"));
  EXPECT_THAT(describe(*made), HasSubstr("ports       3000, 3001:8080, 5173:0 on 127.0.0.1\n"));
  EXPECT_THAT(made->proxy.arguments, Not(testing::Contains("--limit")));
  options_.publish_address = "192.0.2.1";
  EXPECT_THAT(describe(*plan(options_)), HasSubstr(" on 192.0.2.1\n"));
  options_.publish_address = "localhost";
  EXPECT_THAT(plan(options_).error().message, HasSubstr("localhost is not an address"));
  options_.publish_address.reset();
  options_.memory = "8";
  EXPECT_THAT(plan(options_).error().message, HasSubstr("--memory 8: write memory as \"8g\""));
  options_.memory.reset();
  for (int port = 1; port <= 14; ++port) options_.ports.push_back(std::to_string(port));
  EXPECT_THAT(plan(options_).error().hint, HasSubstr("bottle forward"));
}

TEST_F(Spec, GuardsRulesOfTheCommandLineComeFirst) {
  manifest(R"({"bottles": {"default": {"guard": {"on_secret": {"*.a.test": "redact"},
              "responses": "off", "ignore": ["abcdefghijklmn27"], "financial": true}}},
              "agents": {"a": {"bottle": "default", "command": ["sh"]}}})");
  options_.name = "a";
  options_.on_secret = {"a.test=refuse"};
  options_.responses = {"block"};
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(describe(*made),
              HasSubstr("--on-secret a.test=refuse --on-secret '*.a.test=redact' --responses block "
                        "--responses off --guard-ignore abcdefghijklmn27 --guard-set financial"));
  EXPECT_THAT(describe(*made), HasSubstr("on secret   a.test=refuse\n"));
  EXPECT_THAT(describe(*made), HasSubstr("ignored     abcdefghijklmn27\n"));
  options_.responses = {"a.test=refuse"};
  const auto bad = plan(options_);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ExitCode::kUsage);
  EXPECT_THAT(bad.error().message, HasSubstr("--responses a.test=refuse: "));
}

TEST_F(Spec, AMissingProxyOrWorkspaceIsAnError) {
  std::filesystem::remove(root_ / "bin/bottle-proxy");
  around_.env["PATH"] = "/nonexistent";
  const auto no_proxy = plan(options_);
  ASSERT_FALSE(no_proxy);
  EXPECT_EQ(no_proxy.error().code, ExitCode::kProxy);
  manifest(R"({"bottles": {"default": {"workspace": "absent"}}})");
  const auto no_workspace = plan(options_);
  ASSERT_FALSE(no_workspace);
  EXPECT_THAT(no_workspace.error().message, HasSubstr("absent is not a directory"));
}

TEST(ResolvedEnv, MissingHostVariableNamesItAndTheLine) {
  EnvSources sources;
  sources.host = [](const std::string&) { return std::optional<std::string>(); };
  EnvValue value;
  value.source = EnvValue::Source::kFromHost;
  value.place.line = 12;
  const auto env = resolve_env({{"KEY", value}}, sources, Prompting::kAsk);
  ASSERT_FALSE(env);
  EXPECT_EQ(env.error().code, ExitCode::kEnvironment);
  EXPECT_THAT(env.error().message, HasSubstr("KEY"));
  EXPECT_THAT(env.error().hint, HasSubstr("line 12"));
}

TEST(ResolvedEnv, AWellKnownCredentialMayGoHome) {
  EnvSources sources;
  sources.host = [](const std::string&) { return std::optional<std::string>("sk-something"); };
  EnvValue value;
  value.source = EnvValue::Source::kFromHost;
  value.secret = true;
  const auto env = resolve_env({{"ANTHROPIC_API_KEY", value}}, sources, Prompting::kAsk);
  ASSERT_TRUE(env);
  ASSERT_EQ(env->secrets.size(), 1U);
  EXPECT_THAT(env->secrets[0].hosts, ElementsAre("api.anthropic.com"));
}

EnvValue kept_out_value(std::vector<std::string> hosts) {
  EnvValue value;
  value.source = EnvValue::Source::kFromHost;
  value.secret = true;
  value.keep_out = true;
  value.in = {"header", "query"};
  value.hosts = std::move(hosts);
  value.place.line = 7;
  return value;
}

TEST(ResolvedEnv, AKeptOutValueIsTheProxysAlone) {
  const std::string key = "sk-ant-api03-Zq8Rw3Tn6yBv1KxMd5GhJ2Lf4Ck9Pe7s";
  EnvSources sources;
  sources.host = [&key](const std::string&) { return std::optional(key); };
  sources.placeholders = [] { return Expected<PlaceholderSource>(PlaceholderSource{}); };
  const auto env = resolve_env(
      {{"ANTHROPIC_API_KEY", kept_out_value({})}, {"OTHER", kept_out_value({"a.test"})}}, sources,
      Prompting::kAsk);
  ASSERT_TRUE(env) << env.error().message;
  ASSERT_EQ(env->secrets.size(), 2U);
  EXPECT_THAT(env->secrets[0].hosts, ElementsAre("api.anthropic.com"));
  EXPECT_THAT(env->secrets[1].hosts, ElementsAre("a.test"));
  for (const auto& secret : env->secrets) {
    EXPECT_EQ(secret.value.reveal(), key);
    ASSERT_TRUE(secret.placeholder);
    EXPECT_NE(secret.placeholder->reveal(), key);
    EXPECT_EQ(std::get<Secret>(env->values.at(secret.name)).reveal(), secret.placeholder->reveal());
    EXPECT_THAT(secret.in, ElementsAre("header", "query"));
  }
  EXPECT_NE(env->secrets[0].placeholder->reveal(), env->secrets[1].placeholder->reveal());
}

TEST(ResolvedEnv, AKeptOutValueNeedsHostsAndAShape) {
  std::string key = "Zq8Rw3Tn6yBv1KxMd5GhJ2";
  EnvSources sources;
  sources.host = [&key](const std::string&) { return std::optional(key); };
  sources.placeholders = [] { return Expected<PlaceholderSource>(PlaceholderSource{}); };
  const auto nowhere = resolve_env({{"MINE", kept_out_value({})}}, sources, Prompting::kLater);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ExitCode::kUsage);
  EXPECT_THAT(nowhere.error().message, HasSubstr("line 7"));
  EXPECT_THAT(nowhere.error().hint, HasSubstr("\"hosts\""));
  for (const std::string bad :
       {"Zq8Rw3Tn6yBv1Kx", "two\nlines of a secret", "----------------------a1",
        "Zq8Rw3Tn6yB--------------------------", "umlaut-\xc3\xbc-Zq8Rw3Tn6yBv1"}) {
    key = bad;
    const auto env = resolve_env({{"MINE", kept_out_value({"a.test"})}}, sources, Prompting::kAsk);
    ASSERT_FALSE(env) << bad;
    EXPECT_THAT(env.error().message, HasSubstr("MINE"));
    EXPECT_THAT(env.error().message + env.error().hint, Not(HasSubstr(bad)));
  }
}

TEST(ResolvedEnv, PromptsOnlyWhenTheBottleReallyStarts) {
  int asked = 0;
  EnvSources sources;
  sources.prompt = [&asked](const std::string&) {
    ++asked;
    return Expected<std::string>(std::string("typed-answer"));
  };
  EnvValue value;
  value.source = EnvValue::Source::kPrompt;
  value.secret = true;
  ASSERT_TRUE(resolve_env({{"A", value}}, sources, Prompting::kLater));
  EXPECT_EQ(asked, 0);
  const auto env = resolve_env({{"A", value}}, sources, Prompting::kAsk);
  ASSERT_TRUE(env);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(std::get<Secret>(env->values.at("A")).reveal(), "typed-answer");
}

TEST(ResolvedEnv, UnusableFilesAreErrors) {
  const auto sources = host_sources("/", "/");
  EXPECT_THAT(sources.file("/nonexistent").error().message, HasSubstr("No such file"));
  EXPECT_THAT(sources.file("/dev/zero").error().message, HasSubstr("not a file"));
  EXPECT_THAT(sources.file("/tmp").error().message, HasSubstr("not a file"));
}

// A key that is exported and forgotten in the manifest is the first thing that goes wrong.
TEST_F(Spec, AnExportedKeyThatIsNotPassedOnIsNamed) {
  ::setenv("ANTHROPIC_API_KEY", "host-secret-value", 1);
  ::unsetenv("OPENAI_API_KEY");
  const auto notes = [this](const std::string& env, const std::string& allow) {
    manifest(R"({"bottles": {"default": {"egress": {"allow": [)" + allow + R"(]}, "env": {)" + env +
             "}}}}");
    const auto spec = make_spec(options_, around_);
    EXPECT_TRUE(spec);
    return spec ? spec->env.notes : std::vector<std::string>{};
  };
  const std::string home = R"("api.anthropic.com", "api.openai.com")";
  EXPECT_THAT(notes("", home), testing::ElementsAre(testing::AllOf(
                                   HasSubstr("ANTHROPIC_API_KEY is set here and does not reach"),
                                   HasSubstr("bottle.json"), Not(HasSubstr("host-secret")))));
  EXPECT_THAT(notes(R"("ANTHROPIC_API_KEY": {"from_host": true})", home), testing::IsEmpty());
  EXPECT_THAT(notes("", R"("*.anthropic.com")"), testing::SizeIs(1));
  EXPECT_THAT(notes("", R"("other.example")"), testing::IsEmpty());  // of no use there
  ::unsetenv("ANTHROPIC_API_KEY");
}

TEST(Secret, IsForgottenInAllCopies) {
  const Secret secret("a value that is longer than a short string");
  const Secret copy = secret;
  const char* const text = copy.reveal().data();
  EXPECT_EQ(text, secret.reveal().data()) << "there are two texts";
  secret.forget();
  EXPECT_EQ(copy.size(), 0U);
  EXPECT_EQ(text[0], '\0');
}

TEST(Secret, IsNotInAForkedProcess) {
  const Secret secret("a value that is longer than a short string");
  const pid_t child = ::fork();
  if (child == 0) {
    const auto seen = secret.reveal();
    ::_exit(seen.find_first_not_of('\0') == std::string_view::npos ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Secret, PrintsAsStars) {
  std::ostringstream out;
  out << Secret("value");
  EXPECT_EQ(out.str(), "***");
}

TEST_F(Spec, BackendOrderIsOptionEnvironmentManifest) {
  manifest(R"({"bottles": {"default": {"backend": "m"}}})");
  const auto backend = [this] { return make_spec(options_, around_)->backend->value; };
  EXPECT_EQ(backend(), "m");
  around_.env["CLAUDE_BOTTLE_BACKEND"] = "c";
  EXPECT_EQ(backend(), "c");
  around_.env["BOTTLE_BACKEND"] = "b";
  EXPECT_EQ(backend(), "b");
  options_.backend = "o";
  EXPECT_EQ(backend(), "o");
}

TEST_F(Spec, TheFirstWordMeansAnEntryThenAProgram) {
  manifest(
      R"({"bottles": {"sh": {}, "default": {}}, "agents": {"a": {"bottle": "sh", "command": ["x"]}}})");
  const StartOptions none;
  around_.env["PATH"] = "/usr/bin:/bin";
  EXPECT_EQ(meaning_of_word(none, "sh", around_), WordMeaning::kEntry);
  EXPECT_EQ(meaning_of_word(none, "a", around_), WordMeaning::kEntry);
  EXPECT_EQ(meaning_of_word(none, "demo", around_), WordMeaning::kEntry);
  EXPECT_EQ(meaning_of_word(none, "cat", around_), WordMeaning::kCommand);
  EXPECT_EQ(meaning_of_word(none, "/bin/cat", around_), WordMeaning::kCommand);
  EXPECT_EQ(meaning_of_word(none, "nosuch", around_), WordMeaning::kNeither);
  EXPECT_EQ(meaning_of_word(none, "./nosuch", around_), WordMeaning::kNeither);
  manifest("{");  // its error is what counts
  EXPECT_EQ(meaning_of_word(none, "cat", around_), WordMeaning::kEntry);
}

TEST_F(Spec, PipelockIsToldTheAddressesAndTheExitsPorts) {
  options_.pipelock_bin = program(root_ / "bin/pipelock");
  options_.allow = {"a.example:8443", "a.example", "[::1]:1", "*.b.example"};
  options_.resolve = {"a.example:8443=127.0.0.1:9443"};
  options_.allow_addresses = {"127.0.0.1/32"};
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(made->pipelock);
  EXPECT_EQ(made->pipelock->exit_ports, (std::vector<std::uint16_t>{8443, 443, 80, 1}));
  EXPECT_THAT(describe(*made), HasSubstr("--resolve a.example:8443=127.0.0.1:9443"));
  EXPECT_THAT(made->notes, testing::Contains(HasSubstr("::1 cannot be reached")));
  const std::string yaml = pipelock_config(*made->pipelock, "id", "127.0.0.1:1234", "/log \"x");
  EXPECT_THAT(yaml, HasSubstr("ip_allowlist: [\"127.0.0.1/32\"]\n"));
  EXPECT_THAT(yaml, HasSubstr("listen: \"127.0.0.1:1234\"\n"));
  EXPECT_THAT(yaml, HasSubstr("timeout_seconds: 86400\n"));
  EXPECT_THAT(yaml, HasSubstr("file: \"/log \\\"x\"\n"));
}

TEST_F(Spec, AnExitHasSoManyPorts) {
  options_.pipelock_bin = program(root_ / "bin/pipelock");
  for (std::size_t i = 1; i <= kMaxExitPorts; ++i) {
    options_.allow.push_back("a.example:" + std::to_string(i));
  }
  EXPECT_TRUE(plan(options_));
  options_.allow.emplace_back("a.example:443");
  const auto made = plan(options_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ExitCode::kUsage);
  EXPECT_THAT(made.error().message, HasSubstr("17 different ports"));
}

TEST_F(Spec, WhatNeedsTheExitIsRefusedWithAPipelockThatRunsElsewhere) {
  options_.pipelock_url = "http://127.0.0.1:8888";
  const auto plain = plan(options_);
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_THAT(describe(*plain), HasSubstr("has no exit"));
  options_.resolve = {"a.example:443=127.0.0.1:1"};
  EXPECT_THAT(plan(options_).error().message, HasSubstr("--resolve cannot be passed"));
  options_.resolve.clear();
  const std::string route =
      R"({"bottles": {"default": {"egress": {"allow": ["a.example"], "routes": {"a.example": ")";
  manifest(route + R"(scan-requests"}}}}})");
  EXPECT_THAT(plan(options_).error().message,
              HasSubstr("scan-requests of a.example needs the exit"));
  options_.pipelock_url.reset();
  options_.pipelock_bin = program(root_ / "bin/pipelock");
  const auto made = plan(options_);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(describe(*made), HasSubstr("--route a.example=scan-requests"));
  manifest(route + R"(relay", "a.example/x/": "deny"}}}}})");
  const auto relayed = plan(options_);
  ASSERT_TRUE(relayed) << relayed.error().message;
  EXPECT_THAT(describe(*relayed), HasSubstr("--route a.example=relay"));
  EXPECT_THAT(describe(*relayed), HasSubstr("--route a.example/x/=deny"));
  manifest(route + R"(scan", "a.example/x": "splice"}}}}})");
  EXPECT_THAT(plan(options_).error().message, HasSubstr("for a whole host"));
  manifest(route + R"(scan", "a.example/x?y": "deny"}}}}})");
  EXPECT_THAT(plan(options_).error().message, HasSubstr("a query"));
}

// Its list would have to follow each `bottle allow`.
TEST(PipelockConfig, LeavesHostsToTheProxy) {
  const std::string yaml = pipelock_config(PipelockPlan{}, "id", "127.0.0.1:1", "/l");
  EXPECT_THAT(yaml, HasSubstr("mode: balanced"));
  EXPECT_THAT(yaml, Not(HasSubstr("api_allowlist")));
}

TEST_F(Spec, ALoginOfTheManifestMustBeThere) {
  manifest(R"({"bottles": {"default": {"login": "claude"}}})");
  const auto none = make_spec(options_, around_);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().hint, HasSubstr("bottle login --import claude"));
  manifest(R"({"bottles": {"default": {"login": ["clod"]}}})");
  const auto unknown = make_spec(options_, around_);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().hint, HasSubstr("claude, codex"));
}

TEST_F(Spec, ALoginIsApartFromWhatIsShared) {
  const LoginClient& claude = *find_login_client("claude");
  const auto login = login_in(
      claude, R"({"claudeAiOauth":{"accessToken":"sk-ant-oat01-T5uQ8eZk1Wb7Vn3Xr9Lp2Dc6Hs4JmYf0",)"
              R"("refreshToken":"sk-ant-ort01-p9Xv2LqT7wBz4NcR8sKdY1mF6hJ3gU5a"}})");
  ASSERT_TRUE(login);
  const auto store = login_store(claude, around_);
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->write(*login));
  manifest(R"({"bottles": {"default": {"login": "claude"}}})");
  const auto spec = make_spec(options_, around_);
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_EQ(spec->logins.size(), 1U);
  EXPECT_EQ(spec->logins[0].at, "/home/agent/.claude");
  EXPECT_EQ(spec->backend->value, "local");
  manifest(R"({"bottles": {"default": {"login": "claude",
      "env": {"CLAUDE_CONFIG_DIR": "/home/agent/elsewhere"}}}})");
  EXPECT_EQ(make_spec(options_, around_)->logins[0].at, "/home/agent/elsewhere");
  for (const char* shared : {"~/.local", "~/.local/share/bottle/logins/claude"}) {
    manifest(R"({"bottles": {"default": {"login": "claude",
        "mounts": [{"host": ")" +
             std::string(shared) + R"(", "at": "/home/agent/x"}]}}})");
    const auto open = make_spec(options_, around_);
    ASSERT_FALSE(open);
    EXPECT_THAT(open.error().message, HasSubstr("your logins are kept in"));
  }
}

}  // namespace
}  // namespace bottle::launcher
