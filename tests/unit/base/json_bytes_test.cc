#include "proxy/base/json_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

namespace bottle {
namespace {

// The string that json_string_part finds in a text that is fed in pieces of `step` bytes, and
// whether it found its end.
std::pair<std::string, bool> read(const std::string& text, std::size_t step) {
  std::string out;
  bool escaped = false;
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::string piece = text.substr(at, step);
    const JsonStringPart part = json_string_part(piece, escaped);
    out += piece.substr(0, part.size);
    if (part.ends) return {out, true};
    EXPECT_EQ(part.size, piece.size());
    escaped = part.escaped;
  }
  return {out, false};
}

TEST(JsonBytes, AStringEndsAtItsQuoteInAnySplit) {
  const std::string plain(40, 'x');
  for (const std::string& inside :
       {std::string(), plain, "\\\"" + plain, plain + "\\\\", plain + "\\\"" + plain + "\\\\\\\"",
        std::string("\\u0022\\n"), "{[,]}" + plain + ":\\\\"}) {
    for (std::size_t step = 1; step <= inside.size() + 4; ++step) {
      const auto [found, ends] = read(inside + "\",\"b", step);
      EXPECT_TRUE(ends) << inside << " in pieces of " << step;
      EXPECT_EQ(found, inside) << "in pieces of " << step;
      EXPECT_FALSE(read(inside, step).second) << inside << " in pieces of " << step;
    }
  }
}

// Every arrangement of quotes, backslashes and letters around the edge of a block of 64 bytes.
TEST(JsonBytes, BlocksDoNotShow) {
  constexpr std::size_t kAround = 8;
  for (unsigned number = 0; number < 6561; ++number) {
    std::string text(64 - kAround / 2, 'x');
    for (unsigned rest = number, i = 0; i < kAround; ++i, rest /= 3) text += "x\"\\"[rest % 3];
    text += std::string(70, 'y');
    std::size_t end = 0;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    const JsonStringPart part = json_string_part(text, false);
    EXPECT_EQ(part.ends, end < text.size()) << text;
    EXPECT_EQ(part.size, std::min(end, text.size())) << text;
  }
}

TEST(JsonBytes, AnEscapeAtTheEndOfAPieceIsTheNextOnes) {
  EXPECT_TRUE(json_string_part("ab\\", false).escaped);
  EXPECT_FALSE(json_string_part("ab\\\\", false).escaped);
  EXPECT_FALSE(json_string_part("\"", true).ends);
  EXPECT_TRUE(json_string_part("", true).escaped);
}

}  // namespace
}  // namespace bottle
