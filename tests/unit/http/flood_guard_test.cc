#include "proxy/http/flood_guard.h"

#include <gtest/gtest.h>

#include "tests/support/h2_frames.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

const FloodGuard::TimePoint kStart{};

// How many of `one` pass before the guard trips; `most` if it never does.
std::size_t passes(FloodGuard& guard, const Bytes& one, std::size_t most,
                   FloodGuard::TimePoint now = kStart) {
  for (std::size_t i = 0; i < most; ++i) {
    if (guard.inspect(one, now) != one.size()) return i;
  }
  return most;
}

struct Shape {
  const char* name;
  Bytes bytes;
  std::size_t allowed;
};

class FloodGuardShapes : public testing::TestWithParam<Shape> {};

TEST_P(FloodGuardShapes, StopsAtTheLimit) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  EXPECT_EQ(passes(guard, GetParam().bytes, 5000), GetParam().allowed);
  ASSERT_TRUE(guard.tripped());
  EXPECT_EQ(guard.tripped()->code, Code::ClientFlood);
}

TEST_P(FloodGuardShapes, SplitAtEveryByteIsTheSame) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  std::size_t whole = 0;
  while (whole < 5000 && !guard.tripped()) {
    for (const char c : GetParam().bytes) {
      if (guard.inspect(ByteView(&c, 1), kStart) != 1) break;
    }
    if (!guard.tripped()) ++whole;
  }
  EXPECT_EQ(whole, GetParam().allowed);
}

INSTANTIATE_TEST_SUITE_P(
    A4, FloodGuardShapes,
    testing::Values(Shape{"RapidReset", rst(1), 100}, Shape{"Ping", ping(), 100},
                    Shape{"Settings", settings(), 100}, Shape{"SettingsAck", settings_ack(), 1000},
                    Shape{"PingAck", frame(kPingFrame, kAck, 0, "12345678"), 1000},
                    Shape{"Priority", frame(kPriorityFrame, 0, 5, Bytes(5, '\0')), 1000},
                    Shape{"WindowUpdate", window_update(0, 1), 1000},
                    Shape{"UnknownType", frame(0xbb, 0, 0, "x"), 1000},
                    Shape{"GoAway", goaway(0), 1000}, Shape{"EmptyData", data(1, ""), 10},
                    Shape{"PaddedEmptyData",
                          frame(kDataFrame, kPadded, 1, Bytes(1, '\3') + Bytes(3, '\0')), 10},
                    Shape{"Continuation", frame(kContinuationFrame, 0, 1, "x"), 8}),
    [](const auto& shape) { return shape.param.name; });

TEST(FloodGuard, TimeRefillsTheBuckets) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  EXPECT_EQ(passes(guard, rst(1), 100, kStart), 100U);
  EXPECT_EQ(passes(guard, rst(1), 10, kStart + 1s), 10U);
  EXPECT_EQ(passes(guard, rst(1), 1, kStart + 1s), 0U);

  FloodGuard slow(FloodLimits{}, 0, kStart);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(passes(slow, ping(), 1, kStart + i * 100ms), 1U) << i;
}

TEST(FloodGuard, TimeThatStandsStillOrJumpsBackGivesNothing) {
  FloodGuard guard(FloodLimits{}, 0, kStart + 1h);
  EXPECT_EQ(passes(guard, rst(1), 200, kStart), 100U);
}

TEST(FloodGuard, DataEarnsControlFrames) {
  // A download: two window updates for each DATA frame that we sent, for as long as it lasts.
  FloodGuard guard(FloodLimits{}, 0, kStart);
  for (int i = 0; i < 20'000; ++i) {
    guard.progress(1);
    ASSERT_EQ(passes(guard, window_update(1, 16384), 2), 2U) << i;
  }
  // A reader of 4 KiB at a time gives back each of them, for the stream and for the connection.
  for (int i = 0; i < 20'000; ++i) {
    guard.progress(16384);
    ASSERT_EQ(passes(guard, window_update(1, 4096), 8), 8U) << i;
  }
  // An upload with pings.
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(passes(guard, data(1, "x") + ping(), 1), 1U) << i;
  }
}

TEST(FloodGuard, AWholeWindowMayBeGivenBackAtOnce) {
  // 64 MiB go out before the client reads the first byte, 4 KiB at a time.
  FloodGuard guard(FloodLimits{}, 0, kStart);
  for (int i = 0; i < 4096; ++i) guard.progress(16384);
  EXPECT_EQ(passes(guard, window_update(1, 4096), 2 * 16384), 2U * 16384U);
  // Other frames were not earned by that.
  EXPECT_EQ(passes(guard, frame(kPriorityFrame, 0, 5, Bytes(5, '\0')), 2000), 1000U);
}

TEST(FloodGuard, WhatIsSavedUpIsBounded) {
  FloodLimits limits;
  limits.window_updates = 500;
  FloodGuard guard(limits, 0, kStart);
  for (int i = 0; i < 4096; ++i) guard.progress(16384);
  EXPECT_EQ(passes(guard, window_update(1, 4096), 5000), 1500U);
}

TEST(FloodGuard, WindowUpdatesBeyondTheDataAreAFlood) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  std::size_t passed = 0;
  for (int i = 0; i < 1000; ++i) {
    guard.progress(16384);
    passed += passes(guard, window_update(1, 1), 20);
  }
  EXPECT_LT(passed, 4000U);
}

TEST(FloodGuard, RequestsAreNoFlood) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  EXPECT_EQ(passes(guard, headers(1, request_fields(), true), 20'000), 20'000U);
}

TEST(FloodGuard, AnythingBetweenContinuationsOrEmptyDataStartsTheCountAgain) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  const Bytes empty = data(1, "");
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(passes(guard, empty, 10), 10U) << i;
    ASSERT_EQ(passes(guard, data(1, "x"), 1), 1U);
  }
  const Bytes eight = headers(1, request_fields(), true) + [] {
    Bytes out;
    for (int i = 0; i < 8; ++i) out += frame(kContinuationFrame, 0, 1, "x");
    return out;
  }();
  EXPECT_EQ(passes(guard, eight, 50), 50U);
}

TEST(FloodGuard, AnEndOfStreamIsNoEmptyData) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  EXPECT_EQ(passes(guard, data(1, "", true), 1000), 1000U);
}

TEST(FloodGuard, PaddingWithBytesInItIsData) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  const Bytes padded = frame(kDataFrame, kPadded, 1, Bytes(1, '\3') + "x" + Bytes(3, '\0'));
  EXPECT_EQ(passes(guard, padded, 1000), 1000U);
}

TEST(FloodGuard, GivesTheBytesBeforeTheOffence) {
  FloodGuard guard(FloodLimits{}, kClientPreface.size(), kStart);
  Bytes all = kClientPreface;
  for (int i = 0; i < 100; ++i) all += rst(1);
  const std::size_t good = all.size();
  all += rst(1) + data(1, "after");
  EXPECT_EQ(guard.inspect(all, kStart), good);
  EXPECT_EQ(guard.inspect(data(1, "x"), kStart), 0U);
}

TEST(FloodGuard, AResetAfterAWholeAnswerIsFreeAndNotSavedUp) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  for (int i = 0; i < 10'000; ++i) {
    guard.answered();
    EXPECT_EQ(guard.inspect(rst(1), kStart), rst(1).size());
  }
  for (int i = 0; i < 10'000; ++i) guard.answered();
  EXPECT_EQ(passes(guard, rst(1), 1000), 100U);
}

TEST(FloodGuard, EachFrameOfARequestPaysForOneResetByTheOrigin) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  for (int i = 0; i < 1000; ++i) guard.requested();
  EXPECT_EQ(passes(guard, rst(1), 5000), 1100U);  // and 100 without a reason
  EXPECT_TRUE(guard.tripped());
}

TEST(FloodGuard, OurResetsAreBounded) {
  FloodGuard guard(FloodLimits{}, 0, kStart);
  for (int i = 0; i < 100; ++i) guard.our_reset(kStart);
  EXPECT_FALSE(guard.tripped());
  guard.our_reset(kStart);
  EXPECT_TRUE(guard.tripped());
}

}  // namespace
}  // namespace bottle
