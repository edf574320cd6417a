#include "proxy/http/byte_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

TEST(ByteQueue, GivesWhatItWasGivenInItsOrder) {
  ByteQueue queue;
  std::string in;
  std::string out;
  for (std::size_t i = 0; i < 2000; ++i) {
    const Bytes piece(i * 37 % 9000, static_cast<char>('a' + i % 26));
    in += piece;
    queue.push(piece);
    out += queue.take(i * 61 % 5000);
    ASSERT_EQ(queue.size(), in.size() - out.size());
  }
  while (!queue.empty()) out += queue.take(7000);
  EXPECT_EQ(out, in);
  EXPECT_EQ(queue.slots(), 0U);
  EXPECT_EQ(queue.take(5), "");
}

TEST(ByteQueue, SingleBytesTakeNoSlotEach) {
  ByteQueue queue;
  for (int i = 0; i < 100'000; ++i) queue.push(Bytes(1, 'x'));
  EXPECT_EQ(queue.size(), 100'000U);
  EXPECT_LE(queue.slots(), 25U);
}

// A reader that always leaves something behind.
TEST(ByteQueue, OneThatIsNeverEmptyDoesNotGrow) {
  ByteQueue queue;
  queue.push(Bytes(5000, 'x'));
  for (int i = 0; i < 10'000; ++i) {
    queue.push(Bytes(5000, 'x'));
    ASSERT_EQ(queue.take(5000).size(), 5000U);
    ASSERT_LE(queue.slots(), 200U);
  }
}

}  // namespace
}  // namespace bottle
