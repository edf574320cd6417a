#include "proxy/http/websocket/frame_writer.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/websocket_frames.h"

namespace bottle::websocket {
namespace {

using namespace test;

// RFC 6455 section 5.7.
TEST(FrameWriter, AServerWritesTheRfcsExamples) {
  FrameWriter writer(Sender::Server);
  Bytes out;
  writer.write(out, {.opcode = Opcode::Text}, "Hello");
  EXPECT_EQ(out, "\x81\x05Hello");
  out.clear();
  writer.write(out, {.opcode = Opcode::Text, .final = false}, "Hel");
  writer.write(out, {.opcode = Opcode::Continuation}, "lo");
  EXPECT_EQ(out, Bytes("\x01\x03Hel\x80\x02lo"));
  out.clear();
  writer.write(out, {.opcode = Opcode::Binary}, Bytes(256, 'x'));
  EXPECT_EQ(out.substr(0, 4), Bytes("\x82\x7e\x01\x00", 4));
  out.clear();
  writer.write(out, {.opcode = Opcode::Binary, .compressed = true}, Bytes(65536, 'x'));
  EXPECT_EQ(out.substr(0, 10), Bytes("\xc2\x7f\0\0\0\0\0\x01\0\0", 10));
}

TEST(FrameWriter, BothSendersAreReadBack) {
  for (const Sender sender : {Sender::Client, Sender::Server}) {
    for (const std::size_t size : {0u, 1u, 7u, 125u, 126u, 1000u, 65535u, 65536u, 70001u}) {
      FrameWriter writer(sender);
      Bytes payload(size, '\0');
      for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 7);
      Bytes out;
      writer.write(out, {.opcode = Opcode::Binary, .final = false}, payload);
      writer.write(out, {.opcode = Opcode::Ping}, "ping");
      writer.write(out, {.opcode = Opcode::Continuation}, "end");
      const GotFrames got = read_frames(out, sender);
      EXPECT_EQ(got.violation, nullptr) << got.violation;
      ASSERT_EQ(got.messages.size(), 1U);
      EXPECT_EQ(got.messages[0].payload, payload + "end");
      ASSERT_EQ(got.controls.size(), 1U);
      EXPECT_EQ(got.controls[0].payload, "ping");
    }
  }
}

TEST(FrameWriter, EachFrameToAnOriginHasAMaskOfItsOwn) {
  FrameWriter writer(Sender::Client);
  std::set<Bytes> masks;
  for (int i = 0; i < 100; ++i) {
    Bytes out;
    writer.write(out, {.opcode = Opcode::Text}, "same");
    ASSERT_EQ(out.size(), 10U);
    masks.insert(out.substr(2, 4));
  }
  EXPECT_GT(masks.size(), 98U);
}

TEST(FrameWriter, ACloseFramesReasonIsCutBetweenCharacters) {
  FrameWriter writer(Sender::Server);
  Bytes out;
  writer.write_close(out, CloseCode::None, "not written");
  EXPECT_EQ(out, Bytes("\x88\x00", 2));
  out.clear();
  writer.write_close(out, CloseCode::Policy, "no");
  EXPECT_EQ(out, Bytes("\x88\x04\x03\xf0no"));
  for (std::size_t before = 118; before < 126; ++before) {
    out.clear();
    writer.write_close(out, CloseCode::Policy, Bytes(before, 'x') + "\xe2\x82\xac\xe2\x82\xac");
    const GotFrames got = read_frames(out, Sender::Server);
    ASSERT_EQ(got.controls.size(), 1U);
    CloseReason reason;
    EXPECT_EQ(read_close(got.controls[0].payload, reason).what, nullptr) << before;
    EXPECT_GT(reason.reason.size(), 119U);
    EXPECT_LE(reason.reason.size(), kMostReason);
  }
}

}  // namespace
}  // namespace bottle::websocket
