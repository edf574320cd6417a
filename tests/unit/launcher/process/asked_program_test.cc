#include "launcher/process/asked_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

namespace bottle::launcher {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Expected<std::string> word_of(const std::string& script, const std::string& input = "question\n",
                              std::chrono::milliseconds limit = 20s) {
  auto program = AskedProgram::start({"sh", "-c", script}, input, limit);
  if (!program) return program.error();
  while (!program->advance()) {
    std::array<pollfd, 2> fds{pollfd{program->output(), POLLIN, 0},
                              pollfd{program->errors(), POLLIN, 0}};
    ::poll(fds.data(), fds.size(), static_cast<int>(program->patience().count()));
  }
  return program->word();
}

TEST(AskedProgram, ItsFirstWord) {
  EXPECT_EQ(*word_of("read line; echo allow $line"), "allow");
  EXPECT_EQ(*word_of("cat"), "question");
  EXPECT_EQ(*word_of("printf '\\n\\t once\\n more'"), "once");
  EXPECT_EQ(*word_of("echo deny"), "deny") << "it need not read";
  EXPECT_EQ(*word_of("printf '\\033[1m'"), "?[1m");
}

TEST(AskedProgram, SaysWhyThereIsNone) {
  EXPECT_THAT(word_of("true").error().message, HasSubstr("printed nothing"));
  EXPECT_THAT(word_of("echo allow; echo 'no display' >&2; exit 3").error().message,
              HasSubstr("status 3: no display"));
  EXPECT_THAT(word_of("kill -9 $$").error().message, HasSubstr("status 137"));
  EXPECT_THAT(word_of("head -c 70000 /dev/zero").error().message, HasSubstr("4096 bytes"));
  EXPECT_THAT(AskedProgram::start({"no-such-program"}, "", 1s).error().message,
              HasSubstr("is not on this machine"));
  EXPECT_THAT(AskedProgram::start({"cat"}, std::string(1 << 20, 'x'), 1s).error().message,
              HasSubstr("too long"));
}

TEST(AskedProgram, ItsTimeIsBounded) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(word_of("echo allow; sleep 60", "", 200ms).error().message,
              HasSubstr("did not end in time"));
  EXPECT_FALSE(word_of("sleep 60 & echo allow", "", 200ms)) << "its child has the output";
  EXPECT_FALSE(word_of("exec >&-; sleep 60", "", 200ms));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST(AskedProgram, GoesWithAllThatItStarted) {
  const std::string file = testing::TempDir() + "/asked-" + std::to_string(::getpid());
  pid_t child = 0;
  {
    auto program =
        AskedProgram::start({"sh", "-c", "sleep 60 & echo $! >" + file + "; wait"}, "", 60s);
    ASSERT_TRUE(program);
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!(std::ifstream(file) >> child) && std::chrono::steady_clock::now() < until)
      ::usleep(1000);
    ASSERT_GT(child, 0);
    EXPECT_EQ(::kill(child, 0), 0);
  }
  const auto until = std::chrono::steady_clock::now() + 20s;
  const std::string state = "/proc/" + std::to_string(child) + "/stat";
  const auto lives = [&state] {
    std::string pid;
    std::string name;
    std::string word;
    std::ifstream(state) >> pid >> name >> word;
    return !word.empty() && word != "Z";
  };
  while (lives() && std::chrono::steady_clock::now() < until) ::usleep(1000);
  EXPECT_FALSE(lives());
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace bottle::launcher
