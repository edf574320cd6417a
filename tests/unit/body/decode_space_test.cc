#include "proxy/body/decode_space.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/body/coders.h"

namespace bottle {
namespace {

using test::encode;
using test::prose;

constexpr std::size_t kMiB = 1024 * 1024;

// Feeds all of it; the failure, if there is one.
std::optional<Failure> feed(ContentDecoder& decoder, DecodeSpace& space, ByteView in) {
  bool full = false;
  while (!in.empty() || full) {
    const auto progress = decoder.decode(in, space.room());
    if (!progress) return progress.error();
    in.remove_prefix(progress->consumed);
    full = progress->produced == space.room().size();
  }
  return std::nullopt;
}

// Everything except its end, so that its reader waits for more.
std::string unfinished(const std::string& coded) { return coded.substr(0, coded.size() - 8); }

class DecodeSpaces : public testing::TestWithParam<Coding> {};

TEST_P(DecodeSpaces, AnAnnouncedCodingTakesNothing) {
  DecodeSpace space(kMiB);
  const auto decoder = ContentDecoder::make(GetParam(), {}, space);
  EXPECT_EQ(space.taken(), 0U);
}

TEST_P(DecodeSpaces, ADecoderGivesAllOfItBack) {
  DecodeSpace space(64 * kMiB);
  {
    const auto decoder = ContentDecoder::make(GetParam(), {}, space);
    EXPECT_FALSE(feed(*decoder, space, unfinished(encode(GetParam(), prose(3 * kMiB)))));
    EXPECT_GT(space.taken(), 0U);
  }
  EXPECT_EQ(space.taken(), 0U);
}

// Many bodies that never end: the limit holds, those beyond it are told so, and when some have gone
// there is room again.
TEST_P(DecodeSpaces, ManyUnfinishedBodiesStayWithinTheLimit) {
  DecodeSpace space(8 * kMiB);
  const std::string body = unfinished(encode(GetParam(), prose(2 * kMiB)));
  std::vector<std::unique_ptr<ContentDecoder>> decoders;
  std::optional<Failure> failure;
  while (!failure) {
    decoders.push_back(ContentDecoder::make(GetParam(), {}, space));
    failure = feed(*decoders.back(), space, body);
    ASSERT_LE(space.taken(), 8 * kMiB);
    ASSERT_LT(decoders.size(), 1000U);
  }
  EXPECT_EQ(failure->code, Code::Overloaded);
  EXPECT_EQ(failure->reason, "decode_memory_full");
  EXPECT_FALSE(failure->hint.empty());
  EXPECT_GE(decoders.size(), 2U);
  decoders.erase(decoders.begin(), decoders.begin() + 1);
  decoders.pop_back();
  const auto next = ContentDecoder::make(GetParam(), {}, space);
  EXPECT_FALSE(feed(*next, space, body));
}

TEST_P(DecodeSpaces, TooLittleForOneIsAFailureAndNoCrash) {
  for (std::size_t limit = 0; limit < 600 * 1024; limit = limit * 2 + 1) {
    DecodeSpace space(limit);
    const auto decoder = ContentDecoder::make(GetParam(), {}, space);
    const auto failure = feed(*decoder, space, encode(GetParam(), prose(400 * 1024)));
    if (failure) {
      EXPECT_EQ(failure->reason, "decode_memory_full") << limit << failure->detail;
    }
    ASSERT_LE(space.taken(), limit);
  }
}

INSTANTIATE_TEST_SUITE_P(Codings, DecodeSpaces,
                         testing::Values(Coding::Gzip, Coding::Deflate, Coding::Brotli,
                                         Coding::Zstd),
                         [](const auto& param_info) {
                           return std::string(to_string(param_info.param));
                         });

// A window is announced in two bytes; what counts is how much of it has come.
TEST(DecodeSpace, ALargeWindowIsTakenAsItFills) {
  DecodeSpace space(64 * kMiB);
  std::vector<std::unique_ptr<ContentDecoder>> decoders;
  const std::string small = unfinished(test::zstd_encode(prose(20000), 23, false));
  for (int i = 0; i < 60; ++i) {
    decoders.push_back(ContentDecoder::make(Coding::Zstd, {}, space));
    ASSERT_FALSE(feed(*decoders.back(), space, small)) << i;
  }
  EXPECT_LT(space.taken(), 60 * kMiB);
  decoders.clear();
  const auto decoder = ContentDecoder::make(Coding::Zstd, {}, space);
  ASSERT_FALSE(feed(*decoder, space, unfinished(test::zstd_encode(prose(20 * kMiB), 23, false))));
  EXPECT_GT(space.taken(), 8 * kMiB);
  EXPECT_LT(space.taken(), 9 * kMiB);
}

TEST(DecodeHeap, LargeBlocksAreChargedAsTheyAreWritten) {
  DecodeSpace space(10 * kMiB);
  DecodeHeap heap(space, true);
  void* const large = heap.allocate(8 * kMiB);
  void* const small = heap.allocate(1000);
  ASSERT_TRUE(large && small);
  EXPECT_LT(space.taken(), 2000U);
  EXPECT_TRUE(heap.wrote(3 * kMiB));
  EXPECT_GE(space.taken(), 3 * kMiB);
  EXPECT_TRUE(heap.wrote(20 * kMiB));
  EXPECT_LT(space.taken(), 9 * kMiB) << "no more than it has";
  void* const second = heap.allocate(4 * kMiB);
  EXPECT_TRUE(second);
  EXPECT_FALSE(heap.wrote(20 * kMiB)) << "two of them are more than there is";
  EXPECT_TRUE(heap.short_of_space());
  for (void* block : {large, small, second}) heap.release(block);
  EXPECT_EQ(space.taken(), 0U);
}

TEST(DecodeHeap, BlocksAreAlignedAndGoBack) {
  DecodeSpace space(10 * kMiB);
  DecodeHeap heap(space, false);
  std::vector<void*> blocks;
  for (const std::size_t size : {std::size_t{1}, std::size_t{63}, std::size_t{100000}, 2 * kMiB}) {
    void* const block = heap.allocate(size);
    ASSERT_TRUE(block);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 64, 0U);
    std::memset(block, 1, size);
    blocks.push_back(block);
  }
  EXPECT_GE(space.taken(), 2 * kMiB + 100064);
  for (void* block : blocks) heap.release(block);
  heap.release(nullptr);
  EXPECT_EQ(space.taken(), 0U);
  EXPECT_EQ(heap.allocate(11 * kMiB), nullptr);
  EXPECT_EQ(heap.allocate(SIZE_MAX - 3), nullptr);
}

}  // namespace
}  // namespace bottle
