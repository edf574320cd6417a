#include "proxy/body/content_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/body/decode_space.h"
#include "tests/unit/body/coders.h"

namespace bottle {
namespace {

using test::encode;
using test::prose;

constexpr Coding kCodings[] = {Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd};

// Feeds `pieces` with an output room of `room` bytes.
Result<Bytes> decode_pieces(const Codings& coding, DecodeLimits limits,
                            const std::vector<ByteView>& pieces, std::size_t room_size) {
  DecodeSpace space(DecodeLimits{}.memory_bytes);
  const auto decoder = ContentDecoder::make(coding, limits, space);
  std::string room(room_size, '\0');
  Bytes out;
  for (ByteView piece : pieces) {
    bool full = false;
    while (!piece.empty() || full) {
      const auto progress = decoder->decode(piece, room);
      if (!progress) return progress.error();
      EXPECT_LE(progress->consumed, piece.size());
      EXPECT_LE(progress->produced, room.size());
      piece.remove_prefix(progress->consumed);
      out.append(room.data(), progress->produced);
      full = progress->produced == room.size();
    }
  }
  auto finished = decoder->finish();
  if (!finished) return finished.error();
  return out;
}

class Decoder : public testing::TestWithParam<Coding> {};

TEST_P(Decoder, DecodesInEverySplit) {
  const std::string text = prose(300);
  const std::string coded = encode(GetParam(), text);
  const ByteView all = coded;
  for (std::size_t i = 0; i <= coded.size(); ++i) {
    for (const std::size_t room : {std::size_t{1}, std::size_t{7}, std::size_t{65536}}) {
      const auto out = decode_pieces(GetParam(), {}, {all.substr(0, i), all.substr(i)}, room);
      ASSERT_TRUE(out) << i << ' ' << room << ' ' << out.error().detail;
      ASSERT_EQ(*out, text) << i << ' ' << room;
    }
  }
  std::vector<ByteView> bytes;
  for (std::size_t i = 0; i < coded.size(); ++i) bytes.push_back(all.substr(i, 1));
  const auto out = decode_pieces(GetParam(), {}, bytes, 64);
  ASSERT_TRUE(out) << out.error().detail;
  EXPECT_EQ(*out, text);
}

TEST_P(Decoder, DecodesEmptyAndLargeBodies) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{3} << 20}) {
    const std::string text = prose(size);
    const auto out = decode_all(GetParam(), {}, encode(GetParam(), text));
    ASSERT_TRUE(out) << out.error().detail;
    EXPECT_EQ(*out, text);
  }
}

TEST_P(Decoder, TruncatedBodyFailsAtItsEnd) {
  const std::string coded = encode(GetParam(), prose(300));
  for (std::size_t size = 0; size < coded.size(); ++size) {
    const auto out = decode_all(GetParam(), {}, ByteView(coded).substr(0, size));
    ASSERT_FALSE(out) << size;
    EXPECT_EQ(out.error().code, Code::ClientBad);
    EXPECT_EQ(out.error().reason, "coding_broken");
  }
}

// [T15]
TEST_P(Decoder, NothingMayFollow) {
  const std::string coded = encode(GetParam(), prose(300));
  for (const std::string& tail :
       {std::string("x"), std::string("\0", 1), std::string("\n"), coded}) {
    const std::string body = coded + tail;
    for (std::size_t i = 0; i <= body.size(); ++i) {
      const auto out = decode_pieces(
          GetParam(), {}, {ByteView(body).substr(0, i), ByteView(body).substr(i)}, 65536);
      ASSERT_FALSE(out) << i;
      EXPECT_EQ(out.error().reason, "coding_broken");
    }
  }
}

TEST_P(Decoder, DamagedBodyNeverGivesTheText) {
  const std::string text = prose(300);
  const std::string coded = encode(GetParam(), text);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < coded.size(); ++i) {
    std::string damaged = coded;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    const auto out = decode_all(GetParam(), {}, damaged);
    if (!out) ++refused;
  }
  EXPECT_GT(refused, coded.size() / 4);
  EXPECT_FALSE(decode_all(GetParam(), {}, text));
}

TEST_P(Decoder, LimitIsExact) {
  const std::string text = prose(5000);
  const std::string coded = encode(GetParam(), text);
  DecodeLimits limits;
  limits.decoded_bytes = text.size();
  EXPECT_TRUE(decode_all(GetParam(), limits, coded));
  limits.decoded_bytes = text.size() + 1;
  EXPECT_TRUE(decode_all(GetParam(), limits, coded));
  limits.decoded_bytes = text.size() - 1;
  const auto out = decode_all(GetParam(), limits, coded);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::BodyTooLarge);
  EXPECT_EQ(out.error().reason, "body_too_large");
}

// The cost of a bomb is bounded by the ratio as well as by the size.
// [T61]
TEST_P(Decoder, BombIsStoppedEarly) {
  const std::string bomb = encode(GetParam(), std::string(std::size_t{16} << 20, 'a'));
  ASSERT_LT(bomb.size() * 100, std::size_t{16} << 20);
  DecodeSpace space(DecodeLimits{}.memory_bytes);
  const auto decoder = ContentDecoder::make(GetParam(), {}, space);
  std::string room(65536, '\0');
  ByteView in = bomb;
  std::size_t out = 0;
  std::optional<Failure> failure;
  while (!failure) {
    const auto progress = decoder->decode(in, room);
    if (!progress) {
      failure = progress.error();
      break;
    }
    in.remove_prefix(progress->consumed);
    out += progress->produced;
    ASSERT_LE(out, std::size_t{2} << 20);
  }
  EXPECT_EQ(failure->code, Code::BodyTooLarge);
  EXPECT_EQ(failure->reason, "coding_bomb");
  EXPECT_FALSE(decoder->decode(in, room)) << "a failure is final";
  EXPECT_FALSE(decoder->finish());
}

TEST_P(Decoder, VeryRegularSmallBodiesAreNoBombs) {
  const std::string text(std::size_t{1} << 20, 'a');
  EXPECT_TRUE(decode_all(GetParam(), {}, encode(GetParam(), text)));
  EXPECT_FALSE(decode_all(GetParam(), {}, encode(GetParam(), text + "a")));
}

INSTANTIATE_TEST_SUITE_P(Codings, Decoder, testing::ValuesIn(kCodings), [](const auto& param_info) {
  return std::string(to_string(param_info.param));
});

TEST(ContentDecoder, DeflateIsReadWithAndWithoutItsWrapper) {
  const std::string text = prose(300);
  for (const int window_bits : {MAX_WBITS, -MAX_WBITS, 9}) {
    for (const int level : {0, 1, 9}) {
      const std::string coded = test::zlib_encode(text, window_bits, level);
      for (std::size_t i = 0; i <= coded.size(); ++i) {
        const auto out = decode_pieces(
            Coding::Deflate, {}, {ByteView(coded).substr(0, i), ByteView(coded).substr(i)}, 65536);
        ASSERT_TRUE(out) << window_bits << ' ' << level << ' ' << i << out.error().detail;
        ASSERT_EQ(*out, text);
      }
    }
  }
  EXPECT_FALSE(decode_all(Coding::Gzip, {}, test::zlib_encode(text, MAX_WBITS)));
  EXPECT_FALSE(decode_all(Coding::Deflate, {}, test::zlib_encode(text, MAX_WBITS + 16)));
}

TEST(ContentDecoder, ZstdWindowIsBounded) {
  const std::string text = prose(200000);
  EXPECT_TRUE(decode_all(Coding::Zstd, {}, test::zstd_encode(text, 23, false)));
  const auto out = decode_all(Coding::Zstd, {}, test::zstd_encode(text, 24, false));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::NotSupported);
  EXPECT_EQ(out.error().reason, "coding_not_scannable");
}

TEST(ContentDecoder, ZstdTakesOneOrdinaryFrameWithoutDictionary) {
  const std::string frame = test::zstd_encode(prose(100));
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  EXPECT_FALSE(decode_all(Coding::Zstd, {}, skippable));
  EXPECT_FALSE(decode_all(Coding::Zstd, {}, skippable + frame));
  EXPECT_FALSE(decode_all(Coding::Zstd, {}, frame + skippable));
  EXPECT_FALSE(decode_all(Coding::Zstd, {}, frame + frame));
  // Descriptor: single segment, one byte of dictionary id; then the id, the size, a raw last block.
  const std::string with_dictionary("\x28\xb5\x2f\xfd\x21\x07\x01\x09\0\0a", 11);
  const auto out = decode_all(Coding::Zstd, {}, with_dictionary);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().reason, "coding_not_scannable");
}

// Found by fuzzing: the library takes them or not, depending on how the input is cut.
TEST(ContentDecoder, ZstdOddFramesAreRefusedHoweverTheyAreCut) {
  for (const std::string& frame :
       {std::string("\x28\xb5\x2f\xfd\x20\x00\x03\0\0\0", 10),  // a run of no byte
        std::string("\x28\xb5\x2f\xfd\x20\x00\x05\0\0", 9),     // a compressed block of no byte
        std::string("\x28\xb5\x2f\xfd\x20\x01\x01\0\0", 9)}) {  // says one byte, has none
    for (std::size_t i = 0; i <= frame.size(); ++i) {
      EXPECT_FALSE(decode_pieces(Coding::Zstd, {},
                                 {ByteView(frame).substr(0, i), ByteView(frame).substr(i)}, 65536))
          << i;
    }
  }
}

TEST(ContentDecoder, ZstdBytesAreUnseenUntilTheirBlockIsComplete) {
  const std::string text = prose(400000);  // several blocks of at most 128 KiB
  const std::string coded = encode(Coding::Zstd, text);
  DecodeSpace space(DecodeLimits{}.memory_bytes);
  const auto decoder = ContentDecoder::make(Coding::Zstd, {}, space);
  std::string room(65536, '\0');
  std::size_t fed = 0;
  std::size_t blocks = 0;
  std::size_t before = 0;
  for (std::size_t i = 0; i < coded.size(); ++i) {
    ByteView in = ByteView(coded).substr(i, 1);
    bool full = false;
    std::size_t produced = 0;
    while (!in.empty() || full) {
      const auto progress = decoder->decode(in, room);
      ASSERT_TRUE(progress);
      in.remove_prefix(progress->consumed);
      full = progress->produced == room.size();
      produced += progress->produced;
    }
    ++fed;
    ASSERT_LE(decoder->unseen(), std::size_t{128} * 1024 + 32);
    if (decoder->unseen() < before) ++blocks;
    if (produced > 0) {
      ASSERT_EQ(decoder->unseen(), 0u) << "output comes exactly when a block is complete";
    }
    before = decoder->unseen();
  }
  EXPECT_EQ(decoder->unseen(), 0u);
  EXPECT_GE(blocks, 4u);
  EXPECT_EQ(fed, coded.size());
}

TEST(ContentDecoder, IdentityIsOnlyCounted) {
  DecodeLimits limits;
  limits.decoded_bytes = 5;
  EXPECT_EQ(*decode_all(Coding::Identity, limits, "12345"), "12345");
  EXPECT_FALSE(decode_all(Coding::Identity, limits, "123456"));
}

// [T15]
TEST(ContentDecoder, CodingsAreReadStrictly) {
  const auto listed = [](std::initializer_list<Coding> all) {
    Codings codings;
    for (const Coding coding : all) EXPECT_TRUE(codings.add(coding));
    return codings;
  };
  const struct {
    const char* value;
    Codings codings;
  } known[] = {
      {"gzip", Coding::Gzip},
      {"GZIP", Coding::Gzip},
      {"x-gzip", Coding::Gzip},
      {"deflate", Coding::Deflate},
      {"br", Coding::Brotli},
      {"zstd", Coding::Zstd},
      {" gzip ", Coding::Gzip},
      {"identity", Coding::Identity},
      {"", Coding::Identity},
      {"amz-1.0", Coding::Identity},
      {"utf-8", Coding::Identity},
      {"UTF-8", Coding::Identity},
      {"aws-chunked", Coding::AwsChunked},
      {"gzip, identity", Coding::Gzip},
      {"amz-1.0,gzip", Coding::Gzip},
      {"gzip,aws-chunked", listed({Coding::Gzip, Coding::AwsChunked})},
      // Services take the framing off first, wherever a client wrote it.
      {"aws-chunked, gzip", listed({Coding::Gzip, Coding::AwsChunked})},
  };
  for (const auto& c : known) {
    Fields fields;
    fields.add("Content-Encoding", c.value);
    const auto codings = codings_of(fields);
    ASSERT_TRUE(codings) << c.value;
    EXPECT_TRUE(*codings == c.codings) << c.value;
  }
  EXPECT_TRUE(codings_of(Fields{})->empty());
  for (const char* value : {"compress", "gzip, compress", "gzip;q=1", "gzip,", ",gzip", "gzip,,br",
                            "\"gzip\"", "g zip", "chunked", "exi", "aws-chunked, aws-chunked",
                            "gzip, gzip", "br ,zstd", "br, aws-chunked, gzip"}) {
    Fields fields;
    fields.add("Content-Encoding", value);
    const auto codings = codings_of(fields);
    ASSERT_FALSE(codings) << value;
    EXPECT_EQ(codings.error().code, Code::NotSupported);
    EXPECT_EQ(codings.error().reason, "coding_not_scannable");
    EXPECT_NE(codings.error().hint.find("relay"), std::string::npos) << "the route for it";
  }
  Fields twice;
  twice.add("Content-Encoding", "gzip");
  twice.add("content-encoding", "identity");
  EXPECT_FALSE(codings_of(twice));
}

// ---- one behind the other ----------------------------------------------------------------------

TEST(DecoderChain, TakesCodingsOffInTheirOrder) {
  const std::string text = prose(3000);
  for (const Coding inner : kCodings) {
    for (const Coding outer : {Coding::Gzip, Coding::Brotli, Coding::Zstd, Coding::AwsChunked}) {
      Codings codings(inner);
      ASSERT_TRUE(codings.add(outer));
      const std::string coded = encode(outer, encode(inner, text));
      for (std::size_t i = 0; i <= coded.size(); i += 7) {
        for (const std::size_t room : {std::size_t{5}, std::size_t{65536}}) {
          const auto out = decode_pieces(
              codings, {}, {ByteView(coded).substr(0, i), ByteView(coded).substr(i)}, room);
          ASSERT_TRUE(out) << to_string(inner) << ' ' << to_string(outer) << ' ' << i << ' '
                           << out.error().detail;
          ASSERT_EQ(*out, text);
        }
      }
      EXPECT_FALSE(decode_all(codings, {}, encode(outer, encode(inner, text) + "x")));
      EXPECT_FALSE(decode_all(codings, {}, coded + "x"));
      EXPECT_FALSE(decode_all(codings, {}, coded.substr(0, coded.size() - 1)));
    }
  }
}

TEST(DecoderChain, TakesLargeBodies) {
  Codings codings(Coding::Zstd);
  ASSERT_TRUE(codings.add(Coding::AwsChunked));
  const std::string text = prose(std::size_t{3} << 20);
  const auto out = decode_all(codings, {}, test::aws_encode(encode(Coding::Zstd, text), 64 * 1024));
  ASSERT_TRUE(out) << out.error().detail;
  EXPECT_EQ(*out, text);
}

// A block of the inner coding shows when its last byte is there: until then nothing of it is seen,
// whatever stands around its bytes.
TEST(DecoderChain, BytesAreUnseenUntilTheInnerBlockIsComplete) {
  Codings codings(Coding::Zstd);
  ASSERT_TRUE(codings.add(Coding::AwsChunked));
  const std::string coded = test::aws_encode(encode(Coding::Zstd, prose(90000)), 1000);
  DecodeSpace space(DecodeLimits{}.memory_bytes);
  const auto decoder = ContentDecoder::make(codings, {}, space);
  std::string room(65536, '\0');
  std::size_t fed = 0;
  std::size_t produced = 0;
  for (; fed < coded.size() && produced == 0; ++fed) {
    const auto progress = decoder->decode(ByteView(coded).substr(fed, 1), room);
    ASSERT_TRUE(progress) << progress.error().detail;
    produced += progress->produced;
    if (produced == 0 && fed > 40) {
      EXPECT_GE(decoder->unseen() + 40, fed) << "all of the block";
    }
  }
  EXPECT_GT(produced, 0U);
  EXPECT_LE(fed, coded.size());
}

TEST(DecoderChain, WhatHidesTooMuchIsNotScannable) {
  Codings codings(Coding::Zstd);
  ASSERT_TRUE(codings.add(Coding::AwsChunked));
  // A byte a chunk: the framing of one block of noise is longer than anything may be held.
  std::string noise(120 * 1024, '\0');
  std::uint32_t state = 3;
  for (char& c : noise) {
    state = state * 1664525u + 1013904223u;
    c = static_cast<char>(state >> 24);
  }
  const std::string coded = test::aws_encode(encode(Coding::Zstd, noise), 1, std::string(64, 'a'));
  const auto out = decode_all(codings, {}, coded);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().reason, "coding_not_scannable");
}

// ---- the framing of AWS -------------------------------------------------------------------------

TEST(AwsChunked, IsTakenOffInEverySplit) {
  const std::string text = prose(300);
  const std::string signature(64, 'a');
  for (const std::string& coded :
       {test::aws_encode(text, 100), test::aws_encode(text, 1),
        test::aws_encode(text, 300, signature), test::aws_encode(text, 64, signature, ""),
        test::aws_encode(text, 64, "ab**", ""),
        test::aws_encode(
            text, 64, signature,
            "x-amz-checksum-crc32c:AAAAAA==\n\r\nx-amz-trailer-signature:" + signature + "\r\n")}) {
    for (std::size_t i = 0; i <= coded.size(); ++i) {
      for (const std::size_t room : {std::size_t{1}, std::size_t{65536}}) {
        const auto out =
            decode_pieces(Coding::AwsChunked, {},
                          {ByteView(coded).substr(0, i), ByteView(coded).substr(i)}, room);
        ASSERT_TRUE(out) << out.error().detail << '\n' << coded;
        ASSERT_EQ(*out, text);
      }
    }
    for (std::size_t size = 0; size < coded.size(); ++size) {
      EXPECT_FALSE(decode_all(Coding::AwsChunked, {}, coded.substr(0, size))) << size;
    }
    EXPECT_FALSE(decode_all(Coding::AwsChunked, {}, coded + "\r"));
  }
  EXPECT_EQ(*decode_all(Coding::AwsChunked, {}, "0\r\n\r\n"), "");
}

TEST(AwsChunked, WhatIsNoSuchFramingIsRefused) {
  for (const std::string& body :
       {std::string("hello"), std::string("5\nhello\r\n0\r\n\r\n"), std::string("-5\r\nhello"),
        std::string("0x5\r\nhello\r\n0\r\n\r\n"), std::string(" 5\r\nhello\r\n0\r\n\r\n"),
        std::string("5 \r\nhello\r\n0\r\n\r\n"), std::string("5\r\nhello0\r\n\r\n"),
        std::string("4\r\nhello\r\n0\r\n\r\n"), std::string("5;\r\nhello\r\n0\r\n\r\n"),
        std::string("5;chunk-signature=\r\nhello\r\n0\r\n\r\n"),
        std::string("5;chunk-signature=xyz\r\nhello\r\n0\r\n\r\n"),
        std::string("5;other=ab\r\nhello\r\n0\r\n\r\n"), std::string("\r\n"),
        std::string("10000000000000\r\nhello"), std::string("0\r\nno colon\r\n\r\n"),
        std::string("0\r\n:value\r\n\r\n"), std::string("0\r\na:\x01\r\n\r\n"),
        "0\r\na:" + std::string(9000, 'b') + "\r\n\r\n",
        "5;chunk-signature=" + std::string(400, 'a') + "\r\nhello\r\n0\r\n\r\n"}) {
    const auto out = decode_all(Coding::AwsChunked, {}, body);
    ASSERT_FALSE(out) << body;
    EXPECT_EQ(out.error().code, Code::ClientBad);
    EXPECT_EQ(out.error().reason, "coding_broken");
  }
}

// An upload is as large as it is: only what compresses has a limit.
TEST(AwsChunked, HasNoLimitOfItsOwn) {
  DecodeLimits limits;
  limits.decoded_bytes = 100;
  const std::string text = prose(5000);
  EXPECT_EQ(*decode_all(Coding::AwsChunked, limits, test::aws_encode(text, 1000)), text);
}

}  // namespace
}  // namespace bottle
