#include "launcher/command/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bottle::launcher {
namespace {

using testing::ElementsAre;

TEST(CommandLine, EachCommandReadsItsOptions) {
  const auto stop = parse_command_line({"stop", "one", "two", "-q"});
  ASSERT_TRUE(stop);
  EXPECT_THAT(std::get<StopOptions>(*stop).ids, ElementsAre("one", "two"));
  EXPECT_TRUE(std::get<StopOptions>(*stop).quiet);
  const auto logs = parse_command_line({"logs", "-f", "--json", "one"});
  ASSERT_TRUE(logs);
  EXPECT_EQ(std::get<LogsOptions>(*logs).id, "one");
  EXPECT_TRUE(std::get<LogsOptions>(*logs).follow && std::get<LogsOptions>(*logs).json);
  const auto exec = parse_command_line({"exec", "one", "--", "sh", "-c", "--json"});
  ASSERT_TRUE(exec);
  EXPECT_EQ(std::get<ExecOptions>(*exec).id, "one");
  EXPECT_THAT(std::get<ExecOptions>(*exec).command, ElementsAre("sh", "-c", "--json"));
  const auto bare = parse_command_line({"exec", "one", "sh", "-c", "--json", "--", "-h"});
  ASSERT_TRUE(bare) << bare.error().message;
  EXPECT_EQ(std::get<ExecOptions>(*bare).id, "one");
  EXPECT_THAT(std::get<ExecOptions>(*bare).command, ElementsAre("sh", "-c", "--json", "--", "-h"));
  const auto init = parse_command_line({"init", "--preset", "git", "--preset", "claude"});
  ASSERT_TRUE(init);
  EXPECT_THAT(std::get<InitOptions>(*init).presets, ElementsAre("git", "claude"));
  EXPECT_TRUE(std::get<StartOptions>(*parse_command_line({"start", "--check"})).check);
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
