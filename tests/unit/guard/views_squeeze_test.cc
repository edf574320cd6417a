#include <gtest/gtest.h>

#include <random>

#include "proxy/guard/views/squeeze.h"
#include "proxy/guard/views/stream_mark.h"

namespace bottle {
namespace {

Bytes squeezed(ByteView in) {
  Bytes out = "before:";
  squeeze(in, out);
  EXPECT_TRUE(out.starts_with("before:"));
  return out.substr(7);
}

TEST(Squeeze, KeepsLettersAndDigits) {
  EXPECT_EQ(squeezed(""), "");
  EXPECT_EQ(squeezed("a-b_c.d:e\nf\"g"), "abcdefg");
  EXPECT_EQ(squeezed("AZaz09@[`{/:"), "AZaz09");
  EXPECT_EQ(squeezed("abcdefghijklmnopqrstuvwxyz0123456789"),
            "abcdefghijklmnopqrstuvwxyz0123456789");
  EXPECT_EQ(squeezed(ByteView("t\0o\0k\0e\0n\0_\0v\0a\0l\0u\0e\0", 22)), "tokenvalue");
}

TEST(Squeeze, KeepsTheSameOfAnyBytesInAnyPieces) {
  std::mt19937 random(3);
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes in;
    for (std::size_t i = 0; i < size; ++i) in.push_back(static_cast<char>(random()));
    Bytes want;
    for (const char c : in) {
      const bool digit = c >= '0' && c <= '9';
      if (digit || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) want.push_back(c);
    }
    EXPECT_EQ(squeezed(in), want);
    Bytes pieces;
    squeeze(ByteView(in).substr(0, size / 3), pieces);
    squeeze(ByteView(in).substr(size / 3), pieces);
    EXPECT_EQ(pieces, want);
  }
}

TEST(StreamMark, KnowsTheBeginnings) {
  EXPECT_EQ(stream_mark("\x1f\x8b\x08\x08"), StreamMark::Gzip);
  EXPECT_EQ(stream_mark("\x28\xb5\x2f\xfd"), StreamMark::Zstd);
  EXPECT_EQ(stream_mark("\x78\x9c"), StreamMark::Zlib);
  EXPECT_EQ(stream_mark("\x1f\x8b"), StreamMark::Maybe);
  EXPECT_EQ(stream_mark("\x78"), StreamMark::Maybe);
  EXPECT_EQ(stream_mark(""), StreamMark::Maybe);
  EXPECT_EQ(stream_mark("text"), StreamMark::None);
  EXPECT_EQ(stream_mark("\x1f\x8b\x07"), StreamMark::None);
}

}  // namespace
}  // namespace bottle
