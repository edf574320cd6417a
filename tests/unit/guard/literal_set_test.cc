#include "proxy/guard/literal_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace bottle {
namespace {

struct Recorder final : LiteralListener {
  bool found(std::size_t literal, std::uint64_t begin, std::uint64_t end) override {
    all.push_back({(*set)[literal].owner, begin, end});
    return true;
  }
  struct One {
    std::size_t owner;
    std::uint64_t begin;
    std::uint64_t end;
    auto operator<=>(const One&) const = default;
  };
  const LiteralSet* set = nullptr;
  std::vector<One> all;
};

std::vector<Recorder::One> found(const LiteralSet& set, const std::string& text, std::size_t step) {
  Recorder recorder;
  recorder.set = &set;
  LiteralStream stream;
  for (std::size_t at = 0; at < text.size(); at += step) {
    stream.scan(set, text.substr(at, step), recorder);
  }
  stream.finish(recorder);
  std::sort(recorder.all.begin(), recorder.all.end());
  return recorder.all;
}

TEST(LiteralSet, FindsEachLengthAtEachPlaceInEachCut) {
  const std::string letters = "q7Rk2ZpT9wXc4LmV8sNd1HyB6fGjU3aEoQ5iKtYxS0vWnPrCbDzMhJgFlAeIuO7k";
  for (std::size_t size = LiteralSet::kShortest; size <= 40; ++size) {
    const LiteralSet set({Literal{.text = letters.substr(0, size), .owner = 3}});
    for (std::size_t before = 0; before < 17; ++before) {
      const std::string text = std::string(before, '.') + letters.substr(0, size) + "..";
      for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{7}, text.size()}) {
        const auto all = found(set, text, step);
        ASSERT_EQ(all.size(), 1u) << size << ' ' << before << ' ' << step;
        EXPECT_EQ(all[0], (Recorder::One{3, before, before + size}));
      }
    }
  }
}

TEST(LiteralSet, WholeWordsAreNotFoundInLongerOnes) {
  const LiteralSet set({Literal{.text = "hunter22", .owner = 1, .whole_word = true}});
  const std::pair<std::string, bool> cases[] = {
      {"hunter22", true},   {"a hunter22.", true},  {"ahunter22", false}, {"hunter22b", false},
      {"_hunter22", false}, {"\"hunter22\"", true}, {"hunter2 2", false}, {"=hunter22&", true},
  };
  for (const auto& [text, is_found] : cases) {
    for (std::size_t step = 1; step <= text.size(); ++step) {
      EXPECT_EQ(!found(set, text, step).empty(), is_found) << text << " in pieces of " << step;
    }
  }
}

TEST(LiteralSet, RepeatedTextIsFoundAtEachPlace) {
  const LiteralSet set({Literal{.text = std::string(20, 'a'), .owner = 0}});
  EXPECT_EQ(found(set, std::string(50, 'a'), 50).size(), 31u);
  EXPECT_EQ(found(set, std::string(50, 'a'), 1).size(), 31u);
}

TEST(LiteralSet, FindsEachInLongTextsAtEachPlace) {
  const std::string letters = "q7Rk2ZpT9wXc4LmV8sNd1HyB6fGjU3aEoQ5iKtYxS0vWnPrCbDzMhJgFlAeIuO7k";
  const LiteralSet set({Literal{.text = letters.substr(0, 8), .owner = 1},
                        Literal{.text = letters.substr(20, 20), .owner = 2}});
  for (std::size_t before = 0; before < 300; ++before) {
    const std::string text = std::string(before, '.') + letters.substr(0, 8) + "," +
                             letters.substr(20, 20) + std::string(200, '.');
    const auto all = found(set, text, text.size());
    ASSERT_EQ(all.size(), 2u) << before;
    EXPECT_EQ(all[0], (Recorder::One{1, before, before + 8}));
    EXPECT_EQ(all[1], (Recorder::One{2, before + 9, before + 29}));
  }
}

TEST(LiteralFilter, HasAllGroupsAndFewOthers) {
  std::mt19937_64 random(5);
  LiteralFilter filter;
  std::vector<std::uint64_t> groups(3000);
  for (std::uint64_t& group : groups) group = random();
  filter.begin(groups.size());
  for (const std::uint64_t group : groups) filter.add(group);
  for (const std::uint64_t group : groups) EXPECT_TRUE(filter.may_have(group));
  int others = 0;
  for (int i = 0; i < 60000; ++i) others += filter.may_have(random()) ? 1 : 0;
  EXPECT_LT(others, 2000);
}

}  // namespace
}  // namespace bottle
