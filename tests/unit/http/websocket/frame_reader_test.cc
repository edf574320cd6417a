#include "proxy/http/websocket/frame_reader.h"

#include <gtest/gtest.h>

#include "tests/support/websocket_frames.h"

namespace bottle::websocket {
namespace {

using namespace test;

// The same bytes as a whole and byte by byte.
std::vector<GotFrames> in_every_cut(const Bytes& bytes, Sender from, bool compresses) {
  std::vector<GotFrames> all{read_frames(bytes, from, compresses)};
  for (const std::size_t step : {1u, 3u}) {
    FrameReader reader(from, compresses);
    GotFrames got;
    for (std::size_t at = 0; at < bytes.size() && got.violation == nullptr; at += step) {
      read_frames(reader, bytes.substr(at, step), got);
    }
    all.push_back(got);
  }
  return all;
}

struct Good {
  const char* name;
  Bytes bytes;
  Sender from;
  std::vector<std::pair<Opcode, Bytes>> messages;
  std::vector<std::pair<Opcode, Bytes>> controls;
  bool compresses = false;
};

const std::vector<Good>& good_streams() {
  static const std::vector<Good> kRows = {
      // RFC 6455 section 5.7.
      {"an unmasked text",
       from_server(0x81, "Hello"),
       Sender::Server,
       {{Opcode::Text, "Hello"}},
       {}},
      {"a masked text",
       Bytes("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11),
       Sender::Client,
       {{Opcode::Text, "Hello"}},
       {}},
      {"a text in two frames",
       from_server(0x01, "Hel") + from_server(0x80, "lo"),
       Sender::Server,
       {{Opcode::Text, "Hello"}},
       {}},
      {"a ping and its pong",
       from_server(0x89, "Hello") + from_server(0x8a, "Hello"),
       Sender::Server,
       {},
       {{Opcode::Ping, "Hello"}, {Opcode::Pong, "Hello"}}},
      {"256 bytes in 16 bits of length",
       from_server(0x82, Bytes(256, 'x')),
       Sender::Server,
       {{Opcode::Binary, Bytes(256, 'x')}},
       {}},
      {"64 KiB in 64 bits of length",
       from_client(0x82, Bytes(65536, 'x')),
       Sender::Client,
       {{Opcode::Binary, Bytes(65536, 'x')}},
       {}},
      {"the lengths around the forms",
       from_client(0x82, Bytes(125, 'a')) + from_client(0x82, Bytes(126, 'b')) +
           from_client(0x82, Bytes(65535, 'c')),
       Sender::Client,
       {{Opcode::Binary, Bytes(125, 'a')},
        {Opcode::Binary, Bytes(126, 'b')},
        {Opcode::Binary, Bytes(65535, 'c')}},
       {}},
      {"control frames within a message",
       from_client(0x01, "a") + from_client(0x89, "p") + from_client(0x00, "") +
           from_client(0x8a, "") + from_client(0x80, "b"),
       Sender::Client,
       {{Opcode::Text, "ab"}},
       {{Opcode::Ping, "p"}, {Opcode::Pong, ""}}},
      {"empty messages",
       from_client(0x81, "") + from_client(0x02, "") + from_client(0x80, ""),
       Sender::Client,
       {{Opcode::Text, ""}, {Opcode::Binary, ""}},
       {}},
      {"the longest control frame",
       from_client(0x89, Bytes(125, 'x')),
       Sender::Client,
       {},
       {{Opcode::Ping, Bytes(125, 'x')}}},
      {"a close frame",
       from_client(0x88, close_payload(1000, "bye")),
       Sender::Client,
       {},
       {{Opcode::Close, close_payload(1000, "bye")}}},
      {"compressed messages",
       from_client(0xc1, "\xf2\x48") + from_client(0x41, "\xcd") + from_client(0x80, "\xc9") +
           from_client(0x81, "plain"),
       Sender::Client,
       {{Opcode::Text, "\xf2\x48"}, {Opcode::Text, "\xcd\xc9"}, {Opcode::Text, "plain"}},
       {},
       true},
  };
  return kRows;
}

TEST(FrameReader, ReadsMessagesAndControlFramesInEveryCut) {
  for (const Good& row : good_streams()) {
    for (const GotFrames& got : in_every_cut(row.bytes, row.from, row.compresses)) {
      EXPECT_EQ(got.violation, nullptr) << row.name << ": " << got.violation;
      ASSERT_EQ(got.messages.size(), row.messages.size()) << row.name;
      for (std::size_t i = 0; i < row.messages.size(); ++i) {
        EXPECT_EQ(got.messages[i].opcode, row.messages[i].first) << row.name;
        EXPECT_EQ(got.messages[i].payload, row.messages[i].second) << row.name;
        EXPECT_TRUE(got.messages[i].complete) << row.name;
      }
      ASSERT_EQ(got.controls.size(), row.controls.size()) << row.name;
      for (std::size_t i = 0; i < row.controls.size(); ++i) {
        EXPECT_EQ(got.controls[i].opcode, row.controls[i].first) << row.name;
        EXPECT_EQ(got.controls[i].payload, row.controls[i].second) << row.name;
      }
      EXPECT_TRUE(got.between_messages) << row.name;
    }
  }
}

TEST(FrameReader, TellsWhichMessagesAreCompressed) {
  const GotFrames got = read_frames(from_server(0xc1, "a") + from_server(0x81, "b") +
                                        from_server(0x42, "c") + from_server(0x80, "d"),
                                    Sender::Server, true);
  ASSERT_EQ(got.messages.size(), 3U);
  EXPECT_TRUE(got.messages[0].compressed);
  EXPECT_FALSE(got.messages[1].compressed);
  EXPECT_TRUE(got.messages[2].compressed);
  EXPECT_EQ(got.messages[2].payload, "cd");
}

struct Bad {
  const char* name;
  Bytes bytes;
  Sender from;
  bool compresses = false;
};

const std::vector<Bad>& bad_streams() {
  static const std::vector<Bad> kRows = {
      {"RSV1 without an extension", from_client(0xc1, "x"), Sender::Client},
      {"RSV2", from_client(0xa1, "x"), Sender::Client},
      {"RSV3", from_client(0x91, "x"), Sender::Client},
      {"RSV2 with compression", from_client(0xe1, "x"), Sender::Client, true},
      {"RSV1 of a continuation", from_client(0x41, "x") + from_client(0xc0, "y"), Sender::Client,
       true},
      {"RSV1 of a ping", from_client(0xc9, "x"), Sender::Client, true},
      {"opcode 3", from_client(0x83, "x"), Sender::Client},
      {"opcode 7", from_client(0x87, "x"), Sender::Client},
      {"opcode 11", from_client(0x8b, "x"), Sender::Client},
      {"opcode 15", from_client(0x8f, "x"), Sender::Client},
      {"a fragmented ping", from_client(0x09, "x"), Sender::Client},
      {"a fragmented close", from_client(0x08, ""), Sender::Client},
      {"a ping of 126 bytes", from_client(0x89, Bytes(126, 'x')), Sender::Client},
      {"a continuation of nothing", from_client(0x80, "x"), Sender::Client},
      {"a continuation behind an end", from_client(0x81, "x") + from_client(0x80, "y"),
       Sender::Client},
      {"a message within a message", from_client(0x01, "x") + from_client(0x82, "y"),
       Sender::Client},
      {"a client without a mask", from_server(0x81, "x"), Sender::Client},
      {"a server with a mask", from_client(0x81, "x"), Sender::Server},
      {"a short length in 16 bits", frame_of({.first = 0x81, .payload = "x", .length_bytes = 2}),
       Sender::Client},
      {"a short length in 64 bits",
       frame_of({.first = 0x82, .payload = Bytes(65535, 'x'), .length_bytes = 8}), Sender::Client},
      {"a length of 64 bits", Bytes("\x82\x7f\x80\0\0\0\0\0\0\0", 10), Sender::Server},
  };
  return kRows;
}

// [T91]
TEST(FrameReader, EveryBreakOfTheProtocolIsOneInEveryCut) {
  for (const Bad& row : bad_streams()) {
    for (const GotFrames& got : in_every_cut(row.bytes, row.from, row.compresses)) {
      EXPECT_NE(got.violation, nullptr) << row.name;
      EXPECT_EQ(got.code, 1002U) << row.name;
    }
  }
}

TEST(FrameReader, ABreakStaysOne) {
  FrameReader reader(Sender::Client, false);
  Bytes bytes = from_client(0x83, "x");
  ByteSpan in(bytes);
  EXPECT_EQ(reader.read(in).kind, FrameReader::Part::Kind::Broken);
  Bytes good = from_client(0x81, "x");
  ByteSpan more(good);
  EXPECT_EQ(reader.read(more).kind, FrameReader::Part::Kind::Broken);
}

// A frame that is none is refused at its second byte; its payload is not waited for.
TEST(FrameReader, TellsABreakAsSoonAsItIsThere) {
  for (const char* const start : {"\x83\x85", "\x81\x05", "\x89\xfe", "\x08\x80"}) {
    FrameReader reader(Sender::Client, false);
    Bytes bytes(start, 2);
    ByteSpan in(bytes);
    EXPECT_EQ(reader.read(in).kind, FrameReader::Part::Kind::Broken);
  }
}

// Nothing is gathered: a piece that came is a piece that goes.
// [T92]
TEST(FrameReader, HoldsNoFrame) {
  FrameReader reader(Sender::Server, false);
  Bytes head("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
  ByteSpan in(head);
  EXPECT_EQ(reader.read(in).kind, FrameReader::Part::Kind::None);
  for (int i = 0; i < 3; ++i) {
    Bytes piece(1000, 'x');
    ByteSpan more(piece);
    const FrameReader::Part part = reader.read(more);
    ASSERT_EQ(part.kind, FrameReader::Part::Kind::Data);
    EXPECT_EQ(part.payload.size(), 1000U);
    EXPECT_EQ(part.message_begins, i == 0);
    EXPECT_FALSE(part.message_ends);
  }
  EXPECT_FALSE(reader.at_frame());
}

struct CloseRow {
  Bytes payload;
  unsigned wrong;  // the code of the violation; 0: there is none
  unsigned code;
  const char* reason;
};

TEST(FrameReader, ReadsCloseFrames) {
  const std::vector<CloseRow> rows = {
      {"", 0, 0, ""},
      {Bytes("\x03", 1), 1002, 0, ""},
      {close_payload(1000), 0, 1000, ""},
      {close_payload(1003, "why"), 0, 1003, "why"},
      {close_payload(1007), 0, 1007, ""},
      {close_payload(1014), 0, 1014, ""},
      {close_payload(3000), 0, 3000, ""},
      {close_payload(4999, "\xce\xba\xe1\xbd\xb9"), 0, 4999, "\xce\xba\xe1\xbd\xb9"},
      {close_payload(0), 1002, 0, ""},
      {close_payload(999), 1002, 0, ""},
      {close_payload(1004), 1002, 0, ""},
      {close_payload(1005), 1002, 0, ""},
      {close_payload(1006), 1002, 0, ""},
      {close_payload(1015), 1002, 0, ""},
      {close_payload(1016), 1002, 0, ""},
      {close_payload(1100), 1002, 0, ""},
      {close_payload(2999), 1002, 0, ""},
      {close_payload(5000), 1002, 0, ""},
      {close_payload(65535), 1002, 0, ""},
      {close_payload(1000, "\xff"), 1007, 0, ""},
      {close_payload(1000, "\xe1\xbd"), 1007, 0, ""},
  };
  for (const CloseRow& row : rows) {
    CloseReason reason;
    const Violation wrong = read_close(row.payload, reason);
    EXPECT_EQ(static_cast<unsigned>(wrong.code), row.wrong) << row.code;
    EXPECT_EQ(wrong.what != nullptr, row.wrong != 0);
    EXPECT_EQ(static_cast<unsigned>(reason.code), row.code);
    EXPECT_EQ(reason.reason, row.reason);
  }
}

}  // namespace
}  // namespace bottle::websocket
