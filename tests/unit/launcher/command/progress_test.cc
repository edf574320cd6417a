#include "launcher/process/progress.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

// The output of a wait of `ms`.
std::string printed(int ms, bool quiet) {
  auto pipe = make_pipe();
  EXPECT_TRUE(pipe);
  const Fd before(::dup(STDERR_FILENO));
  ::dup2(pipe->write.get(), STDERR_FILENO);
  {
    const Progress progress("waiting for a test", quiet);
    // The timer's signal ends a poll early; the second waits for the rest.
    ::poll(nullptr, 0, ms);
    if (ms > 1000) ::poll(nullptr, 0, 50);
  }
  ::dup2(before.get(), STDERR_FILENO);
  pipe->write.reset();
  std::array<char, 200> text{};
  const auto got = ::read(pipe->read.get(), text.data(), text.size());
  return {text.data(), static_cast<std::size_t>(got < 0 ? 0 : got)};
}

TEST(Progress, OnlyAWaitOfMoreThanASecondIsTold) {
  EXPECT_EQ(printed(10, false), "");
  EXPECT_EQ(printed(1500, true), "");
  EXPECT_EQ(printed(3000, false), "bottle: waiting for a test ...\n");
}

}  // namespace
}  // namespace bottle::launcher
