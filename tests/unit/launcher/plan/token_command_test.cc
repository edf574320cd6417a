#include "launcher/plan/token_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace bottle::launcher {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

Expected<std::string> token_of(const std::string& script,
                               std::chrono::milliseconds limit = kTokenCommandTime) {
  return token_of_command("TOKEN", {"sh", "-c", script}, limit);
}

TEST(TokenCommand, ItsOutputWithoutTheLastLineEnd) {
  for (const std::string script : {"printf 'a b\\n'", "printf 'a b'", "printf 'a b\\r\\n'"}) {
    const auto token = token_of(script);
    ASSERT_TRUE(token) << token.error().message;
    EXPECT_EQ(*token, "a b");
  }
  EXPECT_EQ(*token_of("cat; echo ${PATH:+path}; echo noise >&2"), "path");     // no input
  EXPECT_EQ(*token_of_command("TOKEN", {"/bin/echo", "$HOME *"}), "$HOME *");  // no shell
}

TEST(TokenCommand, SaysWhatFailed) {
  const auto failed =
      token_of("echo a-token; echo first >&2; printf 'log\\033 in\\n\\n' >&2; exit 3");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ExitCode::kEnvironment);
  EXPECT_THAT(failed.error().message, HasSubstr("TOKEN (sh) ended with status 3: log? in"));
  EXPECT_THAT(failed.error().message, Not(HasSubstr("a-token")));
  EXPECT_THAT(token_of("true").error().message, HasSubstr("printed nothing"));
  EXPECT_THAT(token_of("head -c 70000 /dev/zero").error().message, HasSubstr("more than 64 KiB"));
  EXPECT_THAT(token_of_command("TOKEN", {"no-such-program"}).error().message,
              HasSubstr("is not on this machine"));
}

TEST(TokenCommand, ThePathThatIsGivenHoldsForItsChildrenToo) {
  const auto seen = token_of_command("TOKEN", {"sh", "-c", "echo $PATH"}, kTokenCommandTime,
                                     "/usr/bin:/bin:/given");
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_EQ(*seen, "/usr/bin:/bin:/given");
  EXPECT_FALSE(
      token_of_command("TOKEN", {"sh", "-c", "echo x"}, kTokenCommandTime, "/nonexistent"));
}

TEST(TokenCommand, ItsTimeIsBounded) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(token_of("echo waiting >&2; sleep 60", 200ms).error().message,
              HasSubstr("did not end within 0 s: waiting"));
  // A child of it that keeps the output open does not hold anything up, either.
  EXPECT_FALSE(token_of("sleep 60 & echo token", 200ms));
  EXPECT_FALSE(token_of("exec >&- 2>&-; sleep 60", 5000ms));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

}  // namespace
}  // namespace bottle::launcher
