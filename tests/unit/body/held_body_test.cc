#include "proxy/body/held_body.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "tests/support/run.h"

namespace bottle {
namespace {

awaitable<void> read_all(BodySource& body, std::size_t max, Bytes& out, bool& ended) {
  for (;;) {
    auto chunk = co_await body.read(max);
    if (!chunk) co_return;
    out += chunk->data;
    ended = chunk->end;
    if (ended) co_return;
  }
}

class HeldBodies : public testing::Test {
 protected:
  Bytes text_of(BodySource& body, std::size_t max) {
    asio::io_context io;
    Bytes out;
    bool ended = false;
    test::run(io, read_all(body, max, out, ended));
    EXPECT_TRUE(ended);
    return out;
  }
  BodyMemory memory{10};
};

TEST_F(HeldBodies, IsReadInPiecesOfAnySize) {
  for (const std::size_t max : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    HeldBody body(memory);
    EXPECT_TRUE(body.append("abc"));
    EXPECT_TRUE(body.append("defg"));
    EXPECT_EQ(text_of(body, max), "abcdefg");
  }
  HeldBody empty(memory);
  EXPECT_EQ(text_of(empty, 5), "");
}

TEST_F(HeldBodies, TakesNoMoreThanThereIsForAllOfThem) {
  {
    HeldBody one(memory);
    HeldBody two(memory);
    EXPECT_TRUE(one.append("abcdef"));
    EXPECT_FALSE(two.append("abcde"));
    EXPECT_TRUE(two.append("abcd"));
    EXPECT_FALSE(one.append("x"));
    EXPECT_EQ(one.bytes(), "abcdef");
    EXPECT_EQ(memory.taken(), 10U);
  }
  EXPECT_EQ(memory.taken(), 0U);
}

TEST_F(HeldBodies, TheRestComesBehindIt) {
  HeldBody body(memory);
  EXPECT_TRUE(body.append("abc"));
  body.set_rest(std::make_unique<BytesSource>("defg"));
  EXPECT_EQ(text_of(body, 2), "abcdefg");
}

}  // namespace
}  // namespace bottle
