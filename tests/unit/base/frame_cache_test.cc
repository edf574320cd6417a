#include "proxy/base/frame_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <utility>
#include <vector>

namespace bottle {
namespace {

class FrameCaches : public ::testing::Test {
 protected:
  ~FrameCaches() override { cache.clear(); }
  FrameCache cache;
};

TEST_F(FrameCaches, ABlockServesTheNextFrameOfItsSize) {
  void* const first = cache.take(2000);
  cache.give(first, 2000);
  EXPECT_GT(cache.kept(), 0U);
  void* const smaller = cache.take(500);
  EXPECT_NE(smaller, first);
  void* const next = cache.take(1995);
  EXPECT_EQ(next, first);
  EXPECT_EQ(cache.kept(), 0U);
  cache.give(next, 1995);
  cache.give(smaller, 500);
}

TEST_F(FrameCaches, EachFrameHasAllOfItsBytes) {
  std::vector<std::pair<void*, std::size_t>> frames;
  std::set<void*> blocks;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 1; size <= FrameCache::kLargest + 70; size += 61) {
      void* const frame = cache.take(size);
      std::memset(frame, round, size);
      EXPECT_TRUE(blocks.insert(frame).second) << "two frames have it";
      frames.emplace_back(frame, size);
    }
    for (const auto& [frame, size] : std::exchange(frames, {})) cache.give(frame, size);
    blocks.clear();
  }
}

TEST_F(FrameCaches, KeepsNoMoreThanItsBound) {
  std::vector<void*> frames;
  for (std::size_t i = 0; i < 2 * FrameCache::kKept / 1000; ++i) frames.push_back(cache.take(1000));
  for (void* frame : frames) cache.give(frame, 1000);
  EXPECT_LE(cache.kept(), FrameCache::kKept + 1024);
  EXPECT_GT(cache.kept(), FrameCache::kKept / 2);
  cache.clear();
  EXPECT_EQ(cache.kept(), 0U);
}

TEST_F(FrameCaches, OneThatIsLargeIsNotKept) {
  cache.give(cache.take(FrameCache::kLargest + 1), FrameCache::kLargest + 1);
  cache.give(cache.take(0), 0);
  EXPECT_EQ(cache.kept(), 0U);
}

}  // namespace
}  // namespace bottle
