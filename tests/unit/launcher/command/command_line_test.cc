#include "launcher/command/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "launcher/command/bottles.h"
#include "launcher/command/init.h"
#include "launcher/command/logs.h"
#include "launcher/manifest/manifest.h"

namespace bottle::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// The values that a line gave to its command's options. Throws if it is another command's.
template <class Options>
Options options_of(const Expected<std::unique_ptr<Command>>& parsed) {
  return dynamic_cast<CommandOf<Options>&>(**parsed).values();
}

TEST(CommandLine, TheCommandIsLeftAlone) {
  const auto parsed = parse_command_line({"start", "--allow", "a", "--allow", "b", "-q", "agent",
                                          "--", "curl", "--allow", "x", "--", "-h"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& options = options_of<StartOptions>(parsed);
  EXPECT_THAT(options.allow, ElementsAre("a", "b"));
  EXPECT_EQ(options.name, "agent");
  EXPECT_TRUE(options.quiet);
  EXPECT_THAT(options.command, ElementsAre("curl", "--allow", "x", "--", "-h"));
}

TEST(CommandLine, MistakesAreUsageErrors) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"run"},
                                                    {"start", "--frob"},
                                                    {"start", "--allow"},
                                                    {"start", "a", "--dry-run"},
                                                    {"start", "--"},
                                                    {"start", "--", ""},
                                                    {"--frob"},
                                                    {"start", "demo", "--", "x"},
                                                    {"start", "--dry-run=maybe"}}) {
    const auto parsed = parse_command_line(arguments);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ExitCode::kUsage) << parsed.error().message;
  }
}

// As if the manifest had "agent", and PATH had curl.
WordMeaning meaning(const StartOptions&, const std::string& word) {
  if (word == "agent" || word == "demo") return WordMeaning::kEntry;
  return word == "curl" ? WordMeaning::kCommand : WordMeaning::kNeither;
}

TEST(CommandLine, AWordThatIsACommandTakesAllThatFollows) {
  const auto parsed = parse_command_line(
      {"start", "--allow", "curl", "-q", "--audit=x", "curl", "--help", "--dry-run", "--", "-q"},
      meaning);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& options = options_of<StartOptions>(parsed);
  EXPECT_THAT(options.allow, ElementsAre("curl"));
  EXPECT_EQ(options.audit, "x");
  EXPECT_TRUE(options.quiet);
  EXPECT_FALSE(options.dry_run);
  EXPECT_FALSE(options.name);
  EXPECT_THAT(options.command, ElementsAre("curl", "--help", "--dry-run", "--", "-q"));
}

TEST(CommandLine, AnEntryOfTheManifestComesBeforeACommand) {
  const auto parsed = parse_command_line({"start", "--dry-run", "agent", "--", "curl"}, meaning);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(options_of<StartOptions>(parsed).name, "agent");
  EXPECT_TRUE(options_of<StartOptions>(parsed).dry_run);
  EXPECT_THAT(options_of<StartOptions>(parsed).command, ElementsAre("curl"));
  EXPECT_EQ(options_of<StartOptions>(parse_command_line({"start", "demo"}, meaning)).name,
            kDemoName);
}

TEST(CommandLine, WordsAfterAnAgentAreArgumentsOfItsCommand) {
  const auto parsed = parse_command_line(
      {"start", "--allow", "a", "agent", "--continue", "-p", "some words", "-q", "--help"},
      meaning);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& options = options_of<StartOptions>(parsed);
  EXPECT_EQ(options.name, "agent");
  EXPECT_THAT(options.allow, ElementsAre("a"));
  EXPECT_FALSE(options.quiet);
  EXPECT_THAT(options.arguments, ElementsAre("--continue", "-p", "some words", "-q", "--help"));
  EXPECT_TRUE(options.command.empty());
}

// An argument never changes the policy, and a mistake is never left to the agent.
TEST(CommandLine, AnOptionOfBottleAfterTheNameIsAnError) {
  for (const char* option : {"--dry-run", "--allow", "--allow=*", "--backend=local"}) {
    const auto parsed = parse_command_line({"start", "agent", "--continue", option}, meaning);
    ASSERT_FALSE(parsed) << option;
    EXPECT_EQ(parsed.error().code, ExitCode::kUsage);
    EXPECT_THAT(parsed.error().hint, HasSubstr("stands before the name: bottle start --"));
    EXPECT_THAT(parsed.error().hint, HasSubstr("bottle start agent -- COMMAND"));
  }
  const auto both = parse_command_line({"start", "agent", "--continue", "--", "sh"}, meaning);
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, HasSubstr("--continue"));
}

// A command behind -- leaves no doubt about the words between.
TEST(CommandLine, OptionsCanStandBetweenTheNameAndACommand) {
  const auto parsed =
      parse_command_line({"start", "agent", "--quiet", "--allow", "a", "--", "sh", "-q"}, meaning);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& options = options_of<StartOptions>(parsed);
  EXPECT_EQ(options.name, "agent");
  EXPECT_TRUE(options.quiet);
  EXPECT_THAT(options.allow, ElementsAre("a"));
  EXPECT_THAT(options.command, ElementsAre("sh", "-q"));
}

TEST(CommandLine, AWordThatMeansNothingIsTheNameThatIsMissing) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"start", "nosuch"},
                                                    {"start", "nosuch", "-x", "y"},
                                                    {"start", "nosuch", "--", "curl"}}) {
    const auto parsed = parse_command_line(arguments, meaning);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(options_of<StartOptions>(parsed).name, "nosuch");
  }
  // Two commands: which one?
  const auto two = parse_command_line({"start", "curl", "--", "sh"}, meaning);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, ExitCode::kUsage);
  const auto help = parse_command_line({"start", "-h"}, meaning);
  ASSERT_TRUE(help);
  EXPECT_NE(dynamic_cast<const PrintText*>(help->get()), nullptr);
  EXPECT_FALSE(parse_command_line({"start", "--frob", "curl"}, meaning));
}

TEST(CommandLine, HelpAndVersionArePrinted) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"start", "--help"}, {"--version"}, {"-V"}}) {
    const auto parsed = parse_command_line(arguments);
    ASSERT_TRUE(parsed);
    EXPECT_THAT(dynamic_cast<const PrintText&>(**parsed).text(), HasSubstr("bottle"));
  }
  EXPECT_EQ(options_of<StartOptions>(parse_command_line({"start", "demo"})).name, kDemoName);
}

// The text that a line prints, or the error's message.
std::string printed(const std::vector<std::string>& arguments) {
  Surroundings around;
  std::ostringstream out;
  std::ostringstream err;
  const auto command = parse_command_line(arguments);
  if (!command) return command.error().message;
  const auto status = (*command)->run({.around = around, .backends = {}, .out = out, .err = err});
  return status ? out.str() : status.error().message;
}

TEST(CommandLine, HelpAndVersionAreCommandsToo) {
  EXPECT_EQ(printed({"help"}), printed({"--help"}));
  EXPECT_EQ(printed({"help", "start"}), printed({"start", "--help"}));
  EXPECT_EQ(printed({"version"}), printed({"--version"}));
  EXPECT_THAT(printed({"version"}), testing::MatchesRegex("bottle [0-9.]+\n"));
  EXPECT_EQ(printed({"help", "strat"}), "unknown command \"strat\"");
}

TEST(CommandLine, AMistypedCommandOrOptionIsRecognized) {
  const auto hint_of = [](const std::vector<std::string>& arguments) {
    const auto parsed = parse_command_line(arguments);
    return parsed ? "no error" : parsed.error().message + ": " + parsed.error().hint;
  };
  EXPECT_THAT(hint_of({"strat", "claude"}),
              HasSubstr("did you mean \"start\"? what exists: start"));
  EXPECT_THAT(hint_of({"frobnicate"}), Not(HasSubstr("did you mean")));
  EXPECT_THAT(hint_of({"start", "--alow", "x", "--", "true"}),
              HasSubstr("unknown option --alow of bottle start: did you mean \"--allow\"? bottle "
                        "start --help"));
  EXPECT_THAT(hint_of({"start", "--dryrun=1"}), HasSubstr("did you mean \"--dry-run\"?"));
  EXPECT_THAT(hint_of({"logs", "--folow"}), HasSubstr("did you mean \"--follow\"?"));
  EXPECT_THAT(hint_of({"--verson"}), HasSubstr("did you mean \"--version\"? bottle --help"));
  EXPECT_THAT(hint_of({"start", "--frobnicate"}),
              HasSubstr("unknown option --frobnicate of bottle start: bottle start --help"));
  EXPECT_THAT(hint_of({"logs", "x", "y"}), Not(HasSubstr("unknown option")));
}

TEST(CommandLine, EachCommandReadsItsOptions) {
  const auto stop = parse_command_line({"stop", "one", "two", "-q"});
  ASSERT_TRUE(stop);
  EXPECT_THAT(options_of<StopOptions>(stop).ids, ElementsAre("one", "two"));
  EXPECT_TRUE(options_of<StopOptions>(stop).quiet);
  const auto logs = parse_command_line({"logs", "-f", "--json", "one"});
  ASSERT_TRUE(logs);
  EXPECT_EQ(options_of<LogsOptions>(logs).id, "one");
  EXPECT_TRUE(options_of<LogsOptions>(logs).follow && options_of<LogsOptions>(logs).json);
  const auto exec = parse_command_line({"exec", "one", "--", "sh", "-c", "--json"});
  ASSERT_TRUE(exec);
  EXPECT_EQ(options_of<ExecOptions>(exec).id, "one");
  EXPECT_THAT(options_of<ExecOptions>(exec).command, ElementsAre("sh", "-c", "--json"));
  const auto bare = parse_command_line({"exec", "one", "sh", "-c", "--json", "--", "-h"});
  ASSERT_TRUE(bare) << bare.error().message;
  EXPECT_EQ(options_of<ExecOptions>(bare).id, "one");
  EXPECT_THAT(options_of<ExecOptions>(bare).command, ElementsAre("sh", "-c", "--json", "--", "-h"));
  const auto init = parse_command_line({"init", "--preset", "git", "--preset", "claude"});
  ASSERT_TRUE(init);
  EXPECT_THAT(options_of<InitOptions>(init).presets, ElementsAre("git", "claude"));
  EXPECT_TRUE(options_of<StartOptions>(parse_command_line({"start", "--check"})).check);
}

TEST(CommandLine, MistakesOfEachCommandAreUsageErrors) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"list", "x"},
                                                    {"stop"},
                                                    {"stop", "x", "--all"},
                                                    {"logs", "x", "y"},
                                                    {"exec", "x"},
                                                    {"exec", "--", "sh"},
                                                    {"env", "--proxy"},
                                                    {"completion"},
                                                    {"list", "--", "sh"}}) {
    const auto parsed = parse_command_line(arguments);
    ASSERT_FALSE(parsed) << arguments.front();
    EXPECT_EQ(parsed.error().code, ExitCode::kUsage) << parsed.error().message;
    EXPECT_FALSE(parsed.error().hint.empty()) << parsed.error().message;
  }
}

}  // namespace
}  // namespace bottle::launcher
