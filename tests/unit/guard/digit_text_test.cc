#include "proxy/guard/digit_text.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>

namespace bottle {
namespace {

using Hits = std::set<std::pair<std::uint64_t, std::uint64_t>>;

struct Listener final : LiteralListener {
  bool found(std::size_t, std::uint64_t begin, std::uint64_t end) override {
    hits.emplace(begin, end);
    return true;
  }
  Hits hits;
};

// In whatever pieces a text comes, the hits are those of a stream that reads all of it.
TEST(DigitText, FindsWhatAWholeReadingFinds) {
  const LiteralSet set({Literal{.text = "12345678901234"}, Literal{.text = "0b110101100b1100"},
                        Literal{.text = "00000000001111111111222222222233333333334444"}});
  std::mt19937 random(3);
  std::size_t all = 0;
  for (int round = 0; round < 300; ++round) {
    Bytes text;
    for (int i = 0; i < 20; ++i) {
      switch (random() % 4) {
        case 0:
          text += set[random() % 3].text;
          break;
        case 1:
          text += Bytes(random() % 20, static_cast<char>('0' + random() % 10));
          break;
        default:
          text += Bytes(random() % 40, static_cast<char>('a' + random() % 26));
      }
    }
    Listener want;
    LiteralStream whole;
    whole.scan(set, text, want);
    Listener found;
    DigitText digits;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 30;
      digits.scan(set, ByteView(text).substr(at, size), found);
      at += size;
    }
    EXPECT_EQ(found.hits, want.hits) << text;
    all += want.hits.size();
  }
  EXPECT_GT(all, 1000u);
}

}  // namespace
}  // namespace bottle
