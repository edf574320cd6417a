#include "proxy/contract/nearest_word.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace bottle {
namespace {

constexpr std::array<std::string_view, 5> kKnown{"start", "list", "stop", "logs", "env"};

TEST(NearestWord, IsAtMostTwoEditsAway) {
  EXPECT_EQ(nearest_word("strat", kKnown), "start");  // one swap
  EXPECT_EQ(nearest_word("lst", kKnown), "list");
  EXPECT_EQ(nearest_word("stopp", kKnown), "stop");
  EXPECT_EQ(nearest_word("lisp", kKnown), "list");
  EXPECT_EQ(nearest_word("starter", kKnown), "start");
  EXPECT_EQ(nearest_word("starters", kKnown), std::nullopt);
  EXPECT_EQ(nearest_word("frobnicate", kKnown), std::nullopt);
}

TEST(NearestWord, SharesALetterAtLeast) {
  EXPECT_EQ(nearest_word("", kKnown), std::nullopt);
  EXPECT_EQ(nearest_word("x", kKnown), std::nullopt);
  EXPECT_EQ(nearest_word("run", kKnown), std::nullopt);
}

TEST(NearestWord, IsTheFirstOfEquals) {
  constexpr std::array<std::string_view, 2> kTwo{"cat", "bat"};
  EXPECT_EQ(nearest_word("rat", kTwo), "cat");
}

TEST(NearestWord, LongWordsHaveNone) {
  const std::string longest(64, 'a');
  const std::string longer(65, 'a');
  const std::array<std::string_view, 2> known{longest, longer};
  EXPECT_EQ(nearest_word(longer, known), std::nullopt);
  EXPECT_EQ(nearest_word(longest.substr(1), known), longest);
}

TEST(NearestWord, BeginsAHint) {
  EXPECT_EQ(did_you_mean("strat", kKnown), "did you mean \"start\"? ");
  EXPECT_EQ(did_you_mean("frobnicate", kKnown), "");
}

}  // namespace
}  // namespace bottle
