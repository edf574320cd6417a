#include "launcher/backend/ask_crier.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <string>

namespace bottle::launcher {
namespace {

// The agent opens and drops asks as fast as it can: the list is another one at each question.
TEST(AskCrier, ListsThatChangeAllTheTimeAreAskedForNowAndThen) {
  auto questions = make_pipe();
  ASSERT_TRUE(questions);
  const int told = questions->write.get();
  const TellProxy tell = [told](const std::string&) -> Expected<std::string> {
    if (!write_all(told, "?")) ::_exit(1);
    return std::string(R"({"ok":true,"version":1,"asks":[]})") + "\n";
  };
  const AskCrierSettings settings{.bottle = "4f2a", .prints = false};
  auto crier = AskCrier::start(settings, tell);
  ASSERT_TRUE(crier) << crier.error().message;
  const auto next = [&questions] {
    pollfd slot{questions->read.get(), POLLIN, 0};
    char sign = 0;
    return ::poll(&slot, 1, 10'000) == 1 && ::read(slot.fd, &sign, 1) == 1;
  };
  ASSERT_TRUE(next());
  const auto first = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(next());
  // 1.2 s, less what the first one took to come.
  EXPECT_GE(std::chrono::steady_clock::now() - first, std::chrono::milliseconds(900));
}

}  // namespace
}  // namespace bottle::launcher
