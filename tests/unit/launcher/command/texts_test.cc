// The commands that make a text of what they know: init, env, completion, logs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "launcher/command/command_line.h"
#include "launcher/command/commands.h"
#include "launcher/command/completion.h"
#include "launcher/command/context.h"
#include "launcher/command/env.h"
#include "launcher/command/init.h"
#include "launcher/command/logs.h"
#include "launcher/manifest/manifest.h"

namespace bottle::launcher {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Init, EveryManifestThatItWritesCanBeRead) {
  const std::vector<std::vector<std::string>> presets{
      {},
      {"claude"},
      {"codex"},
      {"git"},
      {"claude", "codex", "git"},
      {"git", "git"},
      {"gemini", "opencode", "aider"},
      {"claude", "opencode", "codex", "aider", "gemini", "git"}};
  InitFacts much;
  much.registries = {{"npm", {"npm.example"}}, {"pip", {"pip.example:8443", "files.example"}}};
  much.git_hosts = {"git.example"};
  much.git_ssh = true;
  much.gitconfig = true;
  much.variables = {"ANTHROPIC_API_KEY", "GITHUB_TOKEN"};
  for (const auto& names : presets) {
    for (const auto& facts : {InitFacts{}, much}) {
      const auto text = manifest_for(names, facts);
      ASSERT_TRUE(text);
      const auto manifest = parse_manifest(*text, "bottle.json", "/project");
      ASSERT_TRUE(manifest) << manifest.error().message << "\n" << *text;
      const auto& bottle = manifest->bottles.at("default");
      const auto has = [&names](const char* name) {
        return std::find(names.begin(), names.end(), name) != names.end();
      };
      EXPECT_EQ(manifest->agents.contains("claude"), has("claude"));
      EXPECT_EQ(manifest->agents.contains("codex"), has("codex"));
      EXPECT_EQ(bottle.env.contains("ANTHROPIC_API_KEY"),
                (has("claude") || has("opencode") || has("aider")) && !facts.variables.empty());
      EXPECT_EQ(bottle.mounts.size(), has("git") && facts.gitconfig ? 1U : 0U);
      if (!facts.registries.empty()) {
        EXPECT_THAT(bottle.allow, Contains("pip.example:8443"));
      }
    }
  }
  const auto unknown = manifest_for({"clod"}, {});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().hint, HasSubstr("claude, codex, gemini, opencode, aider, git"));
}

// Each line that is commented out begins with a quote or a brace, and can be taken as it is.
TEST(Init, EachOptionThatItLeavesOutCanBeTaken) {
  const std::vector<std::vector<std::string>> presets{{},
                                                      {"claude"},
                                                      {"codex"},
                                                      {"git"},
                                                      {"claude", "codex", "git"},
                                                      {"codex", "git"},
                                                      {"gemini", "opencode", "aider"},
                                                      {"claude", "opencode"}};
  InitFacts much;
  much.gitconfig = true;
  much.variables = {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GITHUB_TOKEN"};
  InitFacts some;
  some.variables = {"GITHUB_TOKEN"};
  std::size_t taken = 0;
  for (const auto& names : presets) {
    for (const auto& facts : {InitFacts{}, some, much}) {
      const auto text = manifest_for(names, facts);
      ASSERT_TRUE(text);
      for (auto mark = text->find("// "); mark != std::string::npos;
           mark = text->find("// ", mark + 1)) {
        const char first = text->at(mark + 3);
        if (first != '"' && first != '{') continue;
        auto changed = *text;
        changed.erase(mark, 3);
        const auto manifest = parse_manifest(changed, "bottle.json", "/project");
        ASSERT_TRUE(manifest) << manifest.error().message << "\n" << changed;
        EXPECT_EQ(changed.substr(mark).starts_with("\"git\""),
                  manifest->bottles.at("default").sign);
        ++taken;
      }
    }
  }
  EXPECT_GE(taken, 50U);
}

TEST(Init, ALoginThatIsKeptTakesThePlaceOfAKey) {
  InitFacts facts;
  facts.logins = {"claude", "codex"};
  facts.variables = {"OPENAI_API_KEY"};
  const auto text = manifest_for({"claude", "codex", "git"}, facts);
  ASSERT_TRUE(text);
  const auto manifest = parse_manifest(*text, "bottle.json", "/project");
  ASSERT_TRUE(manifest) << manifest.error().message;
  const auto& bottle = manifest->bottles.at("default");
  EXPECT_THAT(bottle.logins, ElementsAre("claude"));
  EXPECT_THAT(bottle.allow, Contains("mcp-proxy.anthropic.com"));
  EXPECT_THAT(bottle.allow, Not(Contains("chatgpt.com")));
  EXPECT_THAT(*manifest_for({"git"}, facts), Not(HasSubstr("\"login\"")));
}

TEST(Init, CodexStartsWithoutASandboxOfItsOwn) {
  const auto text = manifest_for({"codex"}, {});
  ASSERT_TRUE(text);
  const auto manifest = parse_manifest(*text, "bottle.json", "/project");
  ASSERT_TRUE(manifest);
  EXPECT_THAT(manifest->agents.at("codex").command,
              ElementsAre("codex", "--sandbox", "danger-full-access"));
  EXPECT_THAT(*text, HasSubstr("The bottle is the sandbox."));
}

TEST(Init, CodexTakesAKeyThatIsThere) {
  InitFacts facts;
  facts.variables = {"OPENAI_API_KEY"};
  const auto text = manifest_for({"codex"}, facts);
  ASSERT_TRUE(text);
  const auto manifest = parse_manifest(*text, "bottle.json", "/project");
  ASSERT_TRUE(manifest);
  const auto& command = manifest->agents.at("codex").command;
  ASSERT_EQ(command.size(), 7U);
  EXPECT_EQ(command[4], "model_provider=openai-key");
  EXPECT_THAT(command[6], HasSubstr("env_key=\"OPENAI_API_KEY\""));
}

// Without its second process it ends when it is told to trust the folder, and the bottle with it.
TEST(Init, GeminiMayRestartItself) {
  const auto text = manifest_for({"gemini"}, {});
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, Not(HasSubstr("NO_RELAUNCH")));
}

TEST(Init, OpencodeReachesItsListOfModels) {
  const auto text = manifest_for({"opencode"}, {});
  ASSERT_TRUE(text);
  const auto manifest = parse_manifest(*text, "bottle.json", "/project");
  ASSERT_TRUE(manifest);
  EXPECT_THAT(manifest->bottles.at("default").allow,
              ElementsAre("models.opencode.ai", "models.dev", "api.anthropic.com"));
}

TEST(Init, ModelApisOfThePresetsGetRedactedRequests) {
  const auto rules_for = [](const std::vector<std::string>& presets) {
    const auto text = manifest_for(presets, {});
    const auto manifest = parse_manifest(*text, "bottle.json", "/project");
    return manifest->bottles.at("default").guard.on_secret;
  };
  EXPECT_THAT(rules_for({"claude", "codex", "git"}),
              ElementsAre("api.anthropic.com=redact", "api.openai.com=redact"));
  EXPECT_THAT(rules_for({"git"}), testing::IsEmpty());
}

TEST(Init, HostsAreTakenFromUrls) {
  EXPECT_THAT(hosts_in("https://a.example/x https://me:pw@b.example:8443/ http://c.example:80"),
              ElementsAre("a.example", "b.example:8443", "c.example"));
  EXPECT_THAT(hosts_in("global.index-url='https://d.example/simple'\nsparse+https://e.example/i/"),
              ElementsAre("d.example", "e.example"));
  EXPECT_THAT(hosts_in("https://a.example,direct ssh://git@f.example/x file:///tmp off"),
              ElementsAre("a.example"));
  EXPECT_TRUE(hosts_in("").empty());
}

TEST(Env, EachShellGetsItsOwnWords) {
  const std::map<std::string, std::string> variables{{"A", "it's a \\ $x"}};
  EXPECT_EQ(export_lines(variables, "sh"), "export A='it'\\''s a \\ $x'\n");
  EXPECT_EQ(export_lines(variables, "fish"), "set -gx A 'it\\'s a \\\\ $x'\n");
  EXPECT_EQ(export_lines(variables, "csh"), "setenv A 'it'\\''s a \\ $x'\n");
  EXPECT_FALSE(export_lines(variables, "powershell"));
}

TEST(Completion, KnowsEveryCommandAndOption) {
  const auto table = command_table();
  ASSERT_FALSE(table.empty());
  const auto bash = bash_completion(table);
  const auto zsh = zsh_completion(table);
  const auto fish = fish_completion(table);
  for (const auto& row : table) {
    EXPECT_FALSE(row.summary.empty()) << row.name;
    EXPECT_THAT(fish, HasSubstr(" -a " + std::string(row.name) + " -d "));
    for (const auto& text : {bash, zsh}) {
      EXPECT_THAT(text, HasSubstr(std::string(row.name) + ")"));
    }
    const auto command = row.make();
    for (const auto& option : command->option_list()) {
      EXPECT_FALSE(option.help.empty()) << option.names;
      if (option.is_positional()) continue;
      for (const auto& name : option.each_name()) {
        for (const auto& text : {bash, zsh}) EXPECT_THAT(text, HasSubstr(name));
        const auto plain = name.starts_with("--") ? "-l " + name.substr(2) : "-s " + name.substr(1);
        EXPECT_THAT(fish, HasSubstr(plain));
      }
    }
  }
}

TEST(Completion, AsksForIdsNamesAndHosts) {
  for (const auto& text : {bash_completion(command_table()), zsh_completion(command_table()),
                           fish_completion(command_table())}) {
    for (const char* asked :
         {"(bottle list --quiet 2>/dev/null)", "(bottle completion --list names 2>/dev/null)",
          "(bottle completion --list hosts 2>/dev/null)"}) {
      EXPECT_THAT(text, HasSubstr(asked));
    }
  }
}

TEST(Completion, ListsWhatTheManifestHas) {
  std::string pattern = testing::TempDir() + "completion-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  Surroundings around{.directory = folder, .home = "/nonexistent", .env = {}};
  const auto listed = [&around](const std::string& what) {
    std::ostringstream out;
    const auto status =
        run_completion({.list = what}, {.around = around, .backends = {}, .out = out, .err = out});
    return status ? out.str() : status.error().message;
  };
  EXPECT_EQ(listed("names"), "demo\n");
  EXPECT_EQ(listed("hosts"), "");
  std::ofstream(folder / "bottle.json")
      << R"({"bottles": {"b": {"egress": {"allow": ["*.example.com", "a.example"]}}},
             "agents": {"claude": {"bottle": "b", "command": ["claude"]}}})";
  EXPECT_EQ(listed("names"), "b\nclaude\ndemo\n");
  EXPECT_EQ(listed("hosts"), "*.example.com\na.example\n");
  EXPECT_THAT(listed("secrets"), HasSubstr("no list of \"secrets\""));
  std::filesystem::remove_all(folder);
}

TEST(Help, OfEachCommandHasAnExample) {
  for (const auto& row : command_table()) {
    const std::string name(row.name);
    const auto parsed = parse_command_line({name, "--help"});
    ASSERT_TRUE(parsed) << name;
    const auto& text = dynamic_cast<const PrintText&>(**parsed).text();
    EXPECT_THAT(text, HasSubstr("Examples:\n")) << name;
    EXPECT_THAT(text, HasSubstr("  bottle " + name)) << name;
  }
  const auto start = parse_command_line({"start", "--help"});
  ASSERT_TRUE(start);
  for (const char* words : {"--backend local|docker", "--scanner guard|pipelock"}) {
    EXPECT_THAT(dynamic_cast<const PrintText&>(**start).text(), HasSubstr(words));
  }
}

TEST(AuditLineWords, ALineTellsWhatBecameOfARequest) {
  const Style plain;
  EXPECT_EQ(audit_line_words(
                R"({"time": "2026-11-24T10:00:00.123Z", "verdict": "allowed", "method": "POST",
                    "host": "api.example", "port": 443, "path": "/v1?key=*", "status": 200,
                    "bytes_in": 10, "bytes_out": 2048, "total_ms": 12, "reason": null})",
                plain),
            "2026-11-24T10:00:00  allowed  200 POST api.example/v1?key=*  10 B out, 2.0 KiB in, "
            "12 ms");
  const auto refused = audit_line_words(
      R"({"time": "2026-11-24T10:00:00.123Z", "verdict": "refused", "method": null,
          "host": "a\u001b[31m.example", "port": 8443, "status": 403, "by": "policy",
          "reason": "host_not_allowed", "detail": "no\nway"})",
      plain);
  EXPECT_THAT(refused, HasSubstr("refused  403 - a?[31m.example:8443"));
  EXPECT_THAT(refused, HasSubstr("host_not_allowed by policy: no?way"));
  EXPECT_THAT(refused, Not(HasSubstr("bottle allow")));
  const auto way_in = [&plain](const std::string& rest) {
    return audit_line_words(R"({"verdict": "refused", "host": "a.example", )" + rest + "}", plain);
  };
  EXPECT_THAT(way_in(R"("port": 443, "reason": "host_not_allowed")"),
              HasSubstr("; `bottle allow a.example` lets it through"));
  EXPECT_THAT(way_in(R"("port": 8443, "reason": "port_not_allowed")"),
              HasSubstr("; `bottle allow a.example:8443` lets it through"));
  EXPECT_EQ(audit_line_words(R"({"time": "2026-11-24T10:00:00.123Z", "kind": "policy_changed",
                                 "detail": "deny a.example, by uid 7", "verdict": "allowed"})",
                             plain),
            "2026-11-24T10:00:00  changed  policy: deny a.example, by uid 7");
  EXPECT_THAT(audit_line_words(R"({"verdict": "refused"})", Style(true)), HasSubstr("\033[31m"));
  for (const char* text : {"", "x", "[]", "7"}) EXPECT_EQ(audit_line_words(text, plain), "");
}

TEST(Duration, IsShort) {
  EXPECT_EQ(duration_words(-5), "0 s");
  EXPECT_EQ(duration_words(59), "59 s");
  EXPECT_EQ(duration_words(61), "1 min");
  EXPECT_EQ(duration_words(3600), "1 h");
  EXPECT_EQ(duration_words(2 * 3600 + 300), "2 h 5 min");
  EXPECT_EQ(duration_words(26 * 3600), "1 d 2 h");
}

}  // namespace
}  // namespace bottle::launcher
