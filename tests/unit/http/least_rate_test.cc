#include "proxy/http/least_rate.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

using namespace std::chrono_literals;

// [T56, T57]
TEST(LeastRate, AByteAMinuteIsTooSlow) {
  LeastRate rate(1024, 60s);
  EXPECT_EQ(rate.left(), 60s);
  rate.waited(59s);
  rate.moved(1);
  EXPECT_FALSE(rate.too_slow());
  EXPECT_LE(rate.left(), 1001ms);
  rate.waited(59s);
  EXPECT_TRUE(rate.too_slow());
}

TEST(LeastRate, OneThatKeepsToItMayTakeItsTime) {
  LeastRate rate(1024, 60s);
  for (int hour = 0; hour < 3600; hour += 30) {
    rate.waited(30s);
    rate.moved(30 * 1024);
    ASSERT_FALSE(rate.too_slow());
  }
  EXPECT_GE(rate.left(), 59s);
}

TEST(LeastRate, JustBelowItEndsInTheEnd) {
  LeastRate rate(1024, 60s);
  int seconds = 0;
  while (rate.left() >= 1s && seconds < 10'000) {  // else its deadline fires
    rate.waited(1s);
    rate.moved(1007);
    ++seconds;
  }
  EXPECT_GT(seconds, 3000);
  EXPECT_LT(seconds, 4000) << "a sixtieth is missing each time, of sixty seconds";
}

TEST(LeastRate, MuchAtOnceSavesUpNoMoreThanAPause) {
  LeastRate rate(1024, 60s);
  rate.moved(std::size_t{1} << 40U);
  EXPECT_EQ(rate.left(), 60s);
  rate.waited(60s);
  EXPECT_TRUE(rate.too_slow());
}

TEST(LeastRate, BytesThatAreOnTheirWayHaveTheirOwnTime) {
  LeastRate rate(1024, 60s);
  rate.waited(50s);
  EXPECT_LE(rate.left(64 * 1024), 74s + 1ms);
  EXPECT_GE(rate.left(64 * 1024), 73s);
}

}  // namespace
}  // namespace bottle
