#include "proxy/body/message_deflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <optional>
#include <vector>

namespace bottle {
namespace {

constexpr MessageInflater::Bomb kLimits{};

// A message, in steps of `step` bytes and room for `room`. Nothing: it failed, see `failure`.
struct Inflated {
  Bytes text;
  std::optional<Failure> failure;
};
Inflated inflate_message(MessageInflater& inflater, ByteView message, std::size_t step = 1 << 20,
                         std::size_t room_size = 4096) {
  Inflated out;
  Bytes room(room_size, '\0');
  do {
    ByteView piece = message.substr(0, step);
    message.remove_prefix(piece.size());
    const bool last = message.empty();
    for (;;) {
      const auto made = inflater.inflate(piece, room, last);
      if (!made) {
        out.failure = made.error();
        return out;
      }
      out.text.append(room, 0, *made);
      if (last ? inflater.done() : piece.empty() && *made < room.size()) break;
    }
  } while (!message.empty());
  return out;
}

Bytes deflate_message(MessageDeflater& deflater, ByteView text, std::size_t step = 1 << 20) {
  Bytes out;
  EXPECT_TRUE(deflater.begin());
  do {
    const ByteView piece = text.substr(0, step);
    text.remove_prefix(piece.size());
    deflater.deflate(piece, text.empty(), out);
  } while (!text.empty());
  return out;
}

// RFC 7692 section 7.2.3.
TEST(MessageInflater, KnowsTheRfcsExamples) {
  const std::vector<std::pair<Bytes, Bytes>> rows = {
      {Bytes("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), "Hello"},
      // A block without compression, one that says it is the last, and two blocks.
      {Bytes("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11), "Hello"},
      {Bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8), "Hello"},
      {Bytes("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13), "Hello"},
      {Bytes("\x00", 1), ""},
      {Bytes(), ""},
  };
  for (const auto& [message, text] : rows) {
    for (const std::size_t step : {1u, 2u, 100u}) {
      for (const std::size_t room : {1u, 5u, 100u}) {
        DecodeSpace space(1 << 20);
        MessageInflater inflater(space, true, kLimits);
        for (int again = 0; again < 2; ++again) {
          const Inflated got = inflate_message(inflater, message, step, room);
          EXPECT_FALSE(got.failure) << got.failure->detail;
          EXPECT_EQ(got.text, text);
        }
      }
    }
  }
}

// RFC 7692 section 7.2.3.2: the second "Hello" is a reference to the first.
TEST(MessageInflater, KeepsTheContextIfThatWasAgreedOn) {
  const Bytes first("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
  const Bytes second("\xf2\x00\x11\x00\x00", 5);
  DecodeSpace space(1 << 20);
  MessageInflater keeps(space, true, kLimits);
  EXPECT_EQ(inflate_message(keeps, first).text, "Hello");
  EXPECT_EQ(inflate_message(keeps, second).text, "Hello");
  MessageInflater forgets(space, false, kLimits);
  EXPECT_EQ(inflate_message(forgets, first).text, "Hello");
  const Inflated got = inflate_message(forgets, second);
  ASSERT_TRUE(got.failure);
  EXPECT_EQ(word(*got.failure), "coding_broken");
}

// A block that says it is the last one leaves the context as it is.
TEST(MessageInflater, ContextGoesOnBehindALastBlock) {
  DecodeSpace space(1 << 20);
  MessageInflater inflater(space, true, kLimits);
  EXPECT_EQ(inflate_message(inflater, Bytes("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8)).text, "Hello");
  EXPECT_EQ(inflate_message(inflater, Bytes("\xf2\x00\x11\x00\x00", 5)).text, "Hello");
}

TEST(MessageInflater, ReadsWhatTheDeflaterMakes) {
  Bytes text;
  for (int i = 0; i < 3000; ++i) text += "{\"n\": " + std::to_string(i * i) + "}\n";
  for (const bool keeps : {true, false}) {
    for (const std::size_t step : {1000u, 7u, 1u << 20}) {
      for (const int bits : {9, 12, 15}) {
        DecodeSpace space(1 << 20);
        MessageDeflater deflater(space, keeps, bits);
        MessageInflater inflater(space, keeps, kLimits);
        for (const ByteView message : {ByteView(text), ByteView(), ByteView("x"), ByteView(text)}) {
          const Bytes packed = deflate_message(deflater, message, step);
          ASSERT_FALSE(packed.empty());
          const Inflated got = inflate_message(inflater, packed, 100);
          ASSERT_FALSE(got.failure) << got.failure->detail;
          ASSERT_EQ(got.text, message);
        }
      }
    }
  }
}

// A text comes out before the message ends.
TEST(MessageDeflater, EachPieceCanBeReadAtOnce) {
  DecodeSpace space(1 << 20);
  MessageDeflater deflater(space, true, 15);
  MessageInflater inflater(space, true, kLimits);
  ASSERT_TRUE(deflater.begin());
  for (const ByteView piece : {ByteView("one "), ByteView("two "), ByteView("three ")}) {
    Bytes packed;
    deflater.deflate(piece, false, packed);
    ByteView in = packed;
    Bytes room(100, '\0');
    const auto made = inflater.inflate(in, room, false);
    ASSERT_TRUE(made);
    EXPECT_EQ(room.substr(0, *made), piece);
  }
  Bytes packed;
  deflater.deflate("", true, packed);
  EXPECT_EQ(packed, Bytes(1, '\0'));
  EXPECT_EQ(inflate_message(inflater, packed).text, "");
}

TEST(MessageInflater, DamagedMessagesAreRefusedInEveryCut) {
  const std::vector<Bytes> rows = {
      Bytes("\xff\xff\xff"),                                      // a block type that is none
      Bytes("\xf2\x48\xcd\xc9\xc9", 5),                           // ends within a block
      Bytes("\x00\x05\x00\xfa\xff\x48\x65", 7),                   // the same, stored
      Bytes("\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00", 11),  // a length that is not its own
      Bytes("\xf2\x00\x11\x00\x00", 5),                           // refers to what never was
      Bytes("\xf3\x48\xcd\xc9\xc9\x07\x00", 7),                   // nothing behind the last block
  };
  for (const Bytes& message : rows) {
    for (const std::size_t step : {1u, 100u}) {
      DecodeSpace space(1 << 20);
      MessageInflater inflater(space, true, kLimits);
      const Inflated got = inflate_message(inflater, message, step);
      ASSERT_TRUE(got.failure) << testing::PrintToString(message);
      EXPECT_EQ(word(*got.failure), "coding_broken");
    }
  }
}

// [T92]
TEST(MessageInflater, ABombIsToldEarly) {
  DecodeSpace space(1 << 20);
  MessageDeflater deflater(space, true, 12);
  const Bytes packed = deflate_message(deflater, Bytes(64 << 20, '\0'));
  MessageInflater inflater(space, true, kLimits);
  const Inflated got = inflate_message(inflater, packed);
  ASSERT_TRUE(got.failure);
  EXPECT_EQ(word(*got.failure), "coding_bomb");
  EXPECT_LE(got.text.size(), (1u << 20) + 4096);
  // Each message has its own account: a small one may be very regular.
  MessageInflater other(space, true, kLimits);
  MessageDeflater again(space, true, 12);
  for (int i = 0; i < 4; ++i) {
    const Bytes small = deflate_message(again, Bytes(1 << 20, '\0'));
    EXPECT_FALSE(inflate_message(other, small).failure);
  }
}

TEST(MessageDeflate, MemoryComesFromTheSpaceAndGoesBack) {
  DecodeSpace space(1 << 20);
  {
    MessageDeflater deflater(space, true, 15);
    MessageInflater inflater(space, true, kLimits);
    EXPECT_EQ(space.taken(), 0U) << "nothing before the first message";
    const Bytes packed = deflate_message(deflater, Bytes(100'000, 'x'));
    const std::size_t of_deflater = space.taken();
    EXPECT_GT(of_deflater, 0U);
    EXPECT_LE(of_deflater, 44U << 10);
    EXPECT_EQ(inflate_message(inflater, packed).text.size(), 100'000U);
    EXPECT_LE(space.taken() - of_deflater, 44U << 10);
  }
  EXPECT_EQ(space.taken(), 0U);
}

TEST(MessageDeflate, WithoutMemoryNothingIsCompressedAndNothingRead) {
  DecodeSpace full(100);
  MessageDeflater deflater(full, true, 15);
  EXPECT_FALSE(deflater.begin());
  MessageInflater inflater(full, true, kLimits);
  const Inflated got = inflate_message(inflater, Bytes("\xf2\x48\xcd\xc9\xc9\x07\x00", 7));
  ASSERT_TRUE(got.failure);
  EXPECT_EQ(word(*got.failure), "decode_memory_full");
  EXPECT_EQ(full.taken(), 0U);
}

// zlib has no window of 256 bytes, so such messages go as they are.
TEST(MessageDeflater, TheSmallestWindowIsNotUsed) {
  DecodeSpace space(1 << 20);
  MessageDeflater deflater(space, true, 8);
  EXPECT_FALSE(deflater.begin());
}

TEST(MessageDeflater, KeepsToTheWindowThatWasAgreedOn) {
  DecodeSpace space(1 << 20);
  MessageDeflater deflater(space, true, 9);
  Bytes text;
  for (int i = 0; i < 2000; ++i) text += std::to_string(i * 7919);
  const Bytes packed = deflate_message(deflater, text + text) + Bytes("\x00\x00\xff\xff", 4);
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, -9), Z_OK);
  Bytes out(text.size() * 2, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  // In small steps: only then the reader has no more than its window.
  std::size_t made = 0;
  while (made < out.size()) {
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + made);
    stream.avail_out = static_cast<uInt>(std::min<std::size_t>(100, out.size() - made));
    const std::size_t room = stream.avail_out;
    const int status = inflate(&stream, Z_SYNC_FLUSH);
    ASSERT_TRUE(status == Z_OK || status == Z_BUF_ERROR) << status;
    if (stream.avail_out == room) break;
    made += room - stream.avail_out;
  }
  inflateEnd(&stream);
  EXPECT_EQ(out, text + text);
}

}  // namespace
}  // namespace bottle
