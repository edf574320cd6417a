#include "proxy/http/websocket/utf8_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/base/utf8.h"

namespace bottle::websocket {
namespace {

bool is_utf8(const Bytes& text, std::size_t step) {
  Utf8Check check;
  for (std::size_t at = 0; at < text.size(); at += step) {
    if (!check.feed(ByteView(text).substr(at, step))) return false;
  }
  return check.complete();
}

TEST(Utf8Check, KnowsTheEdgesInEveryCut) {
  const std::vector<std::pair<Bytes, bool>> rows = {
      {"", true},
      {"plain text, longer than eight bytes", true},
      {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", true},
      {"\xc2\x80", true},
      {"\xdf\xbf", true},
      {"\xe0\xa0\x80", true},
      {"\xed\x9f\xbf", true},
      {"\xee\x80\x80", true},
      {"\xef\xbf\xbf", true},
      {"\xf0\x90\x80\x80", true},
      {"\xf4\x8f\xbf\xbf", true},
      {"12345678\xf0\x9f\x98\x80"
       "12345678",
       true},
      {"\x80", false},
      {"\xbf", false},
      {"\xc0\x80", false},
      {"\xc1\xbf", false},
      {"\xe0\x9f\xbf", false},
      {"\xed\xa0\x80", false},
      {"\xed\xbf\xbf", false},
      {"\xf0\x8f\xbf\xbf", false},
      {"\xf4\x90\x80\x80", false},
      {"\xf5\x80\x80\x80", false},
      {"\xff", false},
      {"\xc2", false},
      {"\xe1\x80", false},
      {"\xf0\x90\x80", false},
      {"\xc2\x41", false},
      {"\xe1\x80\x41", false},
      {"12345678\x80", false},
  };
  for (const auto& [text, good] : rows) {
    for (const std::size_t step : {1u, 2u, 3u, 100u}) {
      EXPECT_EQ(is_utf8(text, step), good)
          << testing::PrintToString(text) << " in steps of " << step;
    }
  }
}

// Every sequence of up to three bytes, against the function that knows whole sequences.
TEST(Utf8Check, AgreesWithWholeSequences) {
  for (unsigned first = 0x80; first < 0x100; ++first) {
    for (unsigned second = 0; second < 0x100; ++second) {
      for (const unsigned third : {0x00u, 0x7fu, 0x80u, 0xbfu, 0xc0u, 0xffu}) {
        const Bytes text{static_cast<char>(first), static_cast<char>(second),
                         static_cast<char>(third)};
        std::size_t at = 0;
        while (at < text.size()) {
          const std::size_t size = utf8_size(ByteView(text).substr(at));
          if (size == 0) break;
          at += size;
        }
        ASSERT_EQ(is_utf8(text, 1), at == text.size()) << first << " " << second << " " << third;
      }
    }
  }
}

// A wrong byte is told with it, not behind its sequence.
TEST(Utf8Check, FailsAtTheFirstWrongByte) {
  Utf8Check check;
  EXPECT_TRUE(check.feed("\xf4"));
  EXPECT_FALSE(check.feed("\x90"));
  EXPECT_FALSE(check.feed("a"));
  EXPECT_FALSE(check.complete());
  check.reset();
  EXPECT_TRUE(check.feed("a"));
  EXPECT_TRUE(check.complete());
}

}  // namespace
}  // namespace bottle::websocket
