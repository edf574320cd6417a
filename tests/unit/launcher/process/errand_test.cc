#include "launcher/process/errand.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace bottle::launcher {
namespace {

Expected<std::string> result_of(Errand& errand) {
  while (!errand.is_over()) {
    pollfd fd{errand.fd(), POLLIN, 0};
    if (::poll(&fd, 1, 30'000) <= 0) return Error{ExitCode::kSystem, "too slow", ""};
  }
  return errand.result();
}

TEST(Errand, BringsTheText) {
  for (const std::string& text : {std::string(), std::string("one\ntwo"), std::string(1, '\0'),
                                  std::string(1'000'000, 'x')}) {
    auto errand = Errand::send([&text]() -> Expected<std::string> { return text; });
    ASSERT_TRUE(errand);
    const auto result = result_of(*errand);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(*result, text);
  }
}

TEST(Errand, BringsTheError) {
  auto errand = Errand::send([]() -> Expected<std::string> {
    return Error{ExitCode::kProxy, "it does not answer", "bottle list"};
  });
  ASSERT_TRUE(errand);
  const auto result = result_of(*errand);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ExitCode::kProxy);
  EXPECT_EQ(result.error().message, "it does not answer");
  EXPECT_EQ(result.error().hint, "bottle list");
}

TEST(Errand, AProcessThatIsKilledIsAnError) {
  auto errand = Errand::send([]() -> Expected<std::string> {
    ::raise(SIGKILL);
    return std::string();
  });
  ASSERT_TRUE(errand);
  EXPECT_FALSE(result_of(*errand));
}

TEST(Errand, TooMuchIsAnError) {
  auto errand = Errand::send(
      []() -> Expected<std::string> { return std::string(Errand::kMost + 100'000, 'x'); });
  ASSERT_TRUE(errand);
  EXPECT_FALSE(result_of(*errand));
}

// One that waits is not waited for: its end is that of the object.
TEST(Errand, EndsWithItsObject) {
  auto gone = make_pipe();
  ASSERT_TRUE(gone);
  {
    auto errand = Errand::send([]() -> Expected<std::string> {
      for (;;) ::pause();
    });
    ASSERT_TRUE(errand);
    EXPECT_FALSE(errand->is_over());
    gone->write.reset();
  }
  // The process had the pipe's other end; now there is none.
  char byte = 0;
  EXPECT_EQ(::read(gone->read.get(), &byte, 1), 0);
}

}  // namespace
}  // namespace bottle::launcher
