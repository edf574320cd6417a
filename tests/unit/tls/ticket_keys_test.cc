#include "proxy/tls/ticket_keys.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

using namespace std::chrono_literals;

constexpr auto kTime = TicketKeys::kRotation;

class Tickets : public ::testing::Test {
 protected:
  [[nodiscard]] TicketKeys::Key at(std::chrono::milliseconds time) {
    return keys.current(begin + time);
  }
  [[nodiscard]] std::optional<TicketKeys::Found> found(const TicketKeys::Key& key,
                                                       std::chrono::milliseconds time) {
    return keys.find(key.name, begin + time);
  }

  const TicketKeys::TimePoint begin = std::chrono::steady_clock::now();
  const TicketKeys keys{begin};
};

TEST_F(Tickets, OneKeyMakesThemForATime) {
  const TicketKeys::Key first = at(0ms);
  EXPECT_EQ(at(kTime - 1ms).name, first.name);
  const TicketKeys::Key second = at(kTime);
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.cipher, first.cipher);
  EXPECT_NE(second.mac, first.mac);
  EXPECT_LE(kTime, 12h);
}

TEST_F(Tickets, TheOneBeforeTakesThemForAsLongAgain) {
  const TicketKeys::Key first = at(0ms);
  const auto fresh = found(first, 1h);
  ASSERT_TRUE(fresh);
  EXPECT_FALSE(fresh->old);
  const auto old = found(first, 2 * kTime - 1ms);
  ASSERT_TRUE(old);
  EXPECT_TRUE(old->old);
  EXPECT_EQ(old->key.cipher, first.cipher);
  EXPECT_FALSE(found(first, 2 * kTime));
}

TEST_F(Tickets, KeysThatWereInNoUseForLongAreBothGone) {
  const TicketKeys::Key first = at(0ms);
  const TicketKeys::Key second = at(kTime);
  EXPECT_FALSE(found(second, 4 * kTime));
  EXPECT_FALSE(found(first, 4 * kTime));
}

TEST_F(Tickets, ALateChangeMakesTheOldKeyNoOlder) {
  const TicketKeys::Key first = at(0ms);
  const TicketKeys::Key second = at(kTime + 3h);
  EXPECT_TRUE(found(first, 2 * kTime - 1ms));
  EXPECT_FALSE(found(first, 2 * kTime));
  EXPECT_TRUE(found(second, 2 * kTime)->old);
}

TEST_F(Tickets, NamesOfNoKeyAreNoneOfOurs) {
  const TicketKeys::Key stranger;
  EXPECT_FALSE(found(stranger, 0ms));
  EXPECT_FALSE(keys.find({}, begin));
}

}  // namespace
}  // namespace bottle
