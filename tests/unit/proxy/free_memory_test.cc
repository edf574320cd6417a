#include "proxy/free_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace bottle {
namespace {

using std::chrono::milliseconds;
constexpr std::size_t kMiB = 1024 * 1024;

TEST(FreeMemory, GoesBackOnceTheProcessIsQuiet) {
  FreeMemory::Rule rule;
  EXPECT_FALSE(rule.look(milliseconds(0), 20 * kMiB));
  EXPECT_FALSE(rule.look(milliseconds(1000), 80 * kMiB));
  EXPECT_FALSE(rule.look(milliseconds(1001), 80 * kMiB));
  EXPECT_TRUE(rule.look(milliseconds(1002), 80 * kMiB));
}

TEST(FreeMemory, StaysWhileTheProcessWorks) {
  FreeMemory::Rule rule;
  milliseconds cpu(0);
  for (int i = 0; i < 50; ++i) {
    cpu += FreeMemory::kQuietTime;
    EXPECT_FALSE(rule.look(cpu, 500 * kMiB)) << i;
    if (i % 3 != 0) continue;
    EXPECT_FALSE(rule.look(++cpu, 500 * kMiB)) << "one quiet look is a pause";
  }
}

TEST(FreeMemory, IsLeftAloneUntilItHasGrownAgain) {
  FreeMemory::Rule rule;
  (void)rule.look(milliseconds(0), 40 * kMiB);
  (void)rule.look(milliseconds(1), 40 * kMiB);
  ASSERT_TRUE(rule.look(milliseconds(2), 40 * kMiB));
  rule.gave_back(20 * kMiB);
  EXPECT_FALSE(rule.look(milliseconds(3), 20 * kMiB));
  EXPECT_FALSE(rule.look(milliseconds(4), 21 * kMiB - 1));
  EXPECT_TRUE(rule.look(milliseconds(5), 21 * kMiB));
  // Of much memory a little is not worth it.
  rule.gave_back(320 * kMiB);
  EXPECT_FALSE(rule.look(milliseconds(6), 329 * kMiB));
  EXPECT_TRUE(rule.look(milliseconds(7), 330 * kMiB));
}

TEST(FreeMemory, GoesBackAFewMoreTimesForThatWhichIsFreedLater) {
  FreeMemory::Rule rule;
  std::vector<int> looks;
  for (int i = 0; i < 500; ++i) {
    if (!rule.look(milliseconds(0), i < 5 ? 50 * kMiB : 20 * kMiB)) continue;
    looks.push_back(i);
    rule.gave_back(20 * kMiB);
  }
  const int first = FreeMemory::kQuietLooks;
  EXPECT_EQ(looks, (std::vector<int>{first, first + 1, first + 2, first + 8, first + 20, first + 44,
                                     first + 92}));
}

}  // namespace
}  // namespace bottle
