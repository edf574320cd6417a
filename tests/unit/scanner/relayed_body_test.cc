#include "proxy/scanner/relayed_body.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

using namespace std::chrono_literals;

TEST(Cuts, AreWherePipelockEndsABodyWithACleanEnd) {
  PipelockOptions options;
  options.max_response_bytes = 1000;
  options.timeout = 5s;
  const auto sent = Clock::now();
  const Cuts whole = cuts_of(options, false, sent);
  EXPECT_EQ(whole.bytes, 1000U);
  EXPECT_FALSE(whole.time);
  EXPECT_TRUE(whole.at_end(1000));
  EXPECT_FALSE(whole.at_end(999));
  const Cuts events = cuts_of(options, true, sent);
  EXPECT_EQ(events.bytes, 0U);
  EXPECT_EQ(events.time, sent + 5s);
  options.timeout = 0ms;
  EXPECT_FALSE(cuts_of(options, true, sent).time);
}

}  // namespace
}  // namespace bottle
