#include "proxy/guard/views/stream_mark.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

namespace bottle {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMarks[] = {"\x1f\x8b\x08"sv, "\x28\xb5\x2f\xfd"sv, "\x78\x01"sv,
                                       "\x78\x9c"sv, "\x78\xda"sv};

// The first place from which on the text is a mark, or the beginning of one.
std::size_t searched(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const std::string_view mark : kMarks) {
      if (mark.starts_with(text.substr(at, mark.size()))) return at;
    }
  }
  return std::string_view::npos;
}

TEST(StreamMarks, AreFoundWhereverTheyAre) {
  for (const std::string_view mark : kMarks) {
    for (std::size_t before = 0; before < 40; ++before) {
      for (const std::size_t behind : {std::size_t{0}, std::size_t{1}, std::size_t{20}}) {
        const std::string text = std::string(before, 'x').append(mark).append(behind, 'x');
        EXPECT_EQ(find_stream_mark(text), before) << behind;
        for (std::size_t cut = 1; cut < mark.size() && behind == 0; ++cut) {
          EXPECT_EQ(find_stream_mark(text.substr(0, before + cut)), before) << cut;
        }
      }
    }
  }
  EXPECT_EQ(find_stream_mark(""), ByteView::npos);
}

TEST(StreamMarks, NothingElseIsOne) {
  EXPECT_EQ(find_stream_mark(std::string(100, 'x') + "\x1f\x8b\x09 \x28\xb5\x2f\xfe \x78\x5e."),
            ByteView::npos);
  // Of bytes that marks have, in any order.
  constexpr std::string_view kBytes = "\x1f\x8b\x08\x28\xb5\x2f\xfd\x78\x01\x9c\xda.."sv;
  std::mt19937 dice(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(dice() % 60, '.');
    for (char& c : text) {
      if (dice() % 4 == 0) c = kBytes[dice() % kBytes.size()];
    }
    ASSERT_EQ(find_stream_mark(text), searched(text));
  }
}

}  // namespace
}  // namespace bottle
