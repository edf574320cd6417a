#include "proxy/flow/websocket_lane.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/websocket_frames.h"

namespace bottle {
namespace {

using namespace test;
using websocket::Opcode;
using websocket::Sender;

// Refuses a word, keeps some bytes back, and writes down what it was shown.
class WordLook final : public MessageLook {
 public:
  Result<std::size_t> feed(const MessagePiece& piece) override {
    if (piece.begins) shown += piece.is_text ? "<" : "[";
    shown += piece.bytes;
    if (piece.ends) shown += piece.is_text ? ">" : "]";
    if (shown.find("forbidden") != Bytes::npos) {
      refused_ = Finding{.name = "a word"};
      return refusal(*refused_);
    }
    return piece.ends ? 0 : keeps;
  }
  Result<std::size_t> pause() override { return keeps_paused; }
  const std::optional<Finding>& refused() const noexcept override { return refused_; }

  std::size_t keeps = 0;
  std::size_t keeps_paused = 0;
  Bytes shown;

 private:
  std::optional<Finding> refused_;
};

constexpr std::uint64_t kMostBytes = 1000;

class Lanes : public testing::Test {
 protected:
  WebsocketLane& make(WebsocketLane::Setup setup, MessageLook* look = nullptr,
                      MessageLook* controls = nullptr) {
    if (setup.message_bytes == 0) setup.message_bytes = kMostBytes;
    lane = std::make_unique<WebsocketLane>(
        setup, space, WebsocketLane::Looks{.messages = look, .controls = controls});
    return *lane;
  }
  // All that comes out of `bytes`, given in pieces of `step`.
  Bytes pass(Bytes bytes, std::size_t step = 1 << 20) {
    Bytes out;
    for (std::size_t at = 0; at < bytes.size() && !stopped; at += step) {
      lane->feed(bytes.substr(at, step));
      for (;;) {
        const WebsocketLane::Step did = lane->step();
        if (did == WebsocketLane::Step::Output) {
          EXPECT_TRUE(lane->has_output());
        }
        while (lane->has_output()) out += lane->take(7);
        stopped = did == WebsocketLane::Step::Stopped;
        if (stopped || did == WebsocketLane::Step::Input) break;
      }
    }
    return out;
  }

  DecodeSpace space{1 << 20};
  std::unique_ptr<WebsocketLane> lane;
  bool stopped = false;
};

TEST_F(Lanes, WriteAnewWhatTheyRead) {
  const Bytes said = from_client(0x81, "one") + from_client(0x89, "ping") +
                     from_client(0x02, "two") + from_client(0x8a, "pong") +
                     from_client(0x80, " and three") +
                     from_client(0x88, close_payload(3001, "bye"));
  for (const std::size_t step : {std::size_t{1}, std::size_t{5}, std::size_t{1000}}) {
    make({.from = Sender::Client});
    const Bytes out = pass(said, step);
    EXPECT_FALSE(stopped);
    EXPECT_TRUE(lane->closed());
    const GotFrames got = read_frames(out, Sender::Client);
    EXPECT_EQ(got.violation, nullptr) << got.violation;
    EXPECT_TRUE(got.between_messages);
    ASSERT_EQ(got.messages.size(), 2U);
    EXPECT_EQ(got.messages[0].payload, "one");
    EXPECT_EQ(got.messages[0].opcode, Opcode::Text);
    EXPECT_EQ(got.messages[1].payload, "two and three");
    EXPECT_EQ(got.messages[1].opcode, Opcode::Binary);
    ASSERT_EQ(got.controls.size(), 3U);
    EXPECT_EQ(got.controls[0].payload, "ping");
    EXPECT_EQ(got.controls[1].payload, "pong");
    EXPECT_EQ(got.controls[2].payload, close_payload(3001, "bye"));
    // Masks are made anew.
    EXPECT_EQ(out.find("\x37\xfa\x21\x3d"), Bytes::npos);
  }
}

TEST_F(Lanes, TowardsTheClientNothingIsMasked) {
  make({.from = Sender::Server});
  EXPECT_EQ(pass(from_server(0x81, "Hello") + from_server(0x88, "")),
            Bytes("\x81\x05Hello\x88\x00", 9));
}

// A long message is not gathered, and its pieces are frames of their own.
TEST_F(Lanes, MessagesStreamThrough) {
  make({.from = Sender::Server, .message_bytes = 1 << 30});
  const Bytes said = from_server(0x81, Bytes(100'000, 'x'));
  const Bytes first = pass(said.substr(0, 20'000));
  const GotFrames got = read_frames(first, Sender::Server);
  ASSERT_EQ(got.messages.size(), 1U);
  EXPECT_GT(got.messages[0].payload.size(), 19'000U);
  EXPECT_FALSE(got.messages[0].complete);
  EXPECT_TRUE(got.between_frames);
  const GotFrames all = read_frames(first + pass(said.substr(20'000)), Sender::Server);
  ASSERT_EQ(all.messages.size(), 1U);
  EXPECT_EQ(all.messages[0].payload, Bytes(100'000, 'x'));
  EXPECT_TRUE(all.messages[0].complete);
}

TEST_F(Lanes, NothingFollowsACloseFrame) {
  make({.from = Sender::Server});
  const Bytes out =
      pass(from_server(0x88, close_payload(1000)) + from_server(0x81, "late") + "rubbish");
  EXPECT_FALSE(stopped);
  EXPECT_EQ(out, from_server(0x88, close_payload(1000)));
  lane->close(websocket::CloseCode::Policy, "ours");
  EXPECT_FALSE(lane->has_output()) << "one close frame, and no second one";
}

struct BrokenRow {
  const char* name;
  Bytes said;
  websocket::CloseCode code;
};

TEST_F(Lanes, ABreakOfTheProtocolStopsThem) {
  using websocket::CloseCode;
  const std::vector<BrokenRow> rows = {
      {"a reserved opcode", from_client(0x83, ""), CloseCode::ProtocolError},
      {"no mask", from_server(0x81, "x"), CloseCode::ProtocolError},
      {"RSV1 that was not agreed on", from_client(0xc1, "x"), CloseCode::ProtocolError},
      {"a text that is no UTF-8", from_client(0x81, "a\xff"), CloseCode::InvalidData},
      {"a text that ends within a character", from_client(0x81, "a\xe1\x80"),
       CloseCode::InvalidData},
      {"the same over frames", from_client(0x01, "a\xe1") + from_client(0x80, "b"),
       CloseCode::InvalidData},
      {"a close code that may not be sent", from_client(0x88, close_payload(1005)),
       CloseCode::ProtocolError},
      {"a close reason that is no UTF-8", from_client(0x88, close_payload(1000, "\xff")),
       CloseCode::InvalidData},
      {"a message that is too long", from_client(0x82, Bytes(1001, 'x')), CloseCode::TooBig},
      {"the same over frames",
       from_client(0x02, Bytes(900, 'x')) + from_client(0x80, Bytes(101, 'x')), CloseCode::TooBig},
  };
  for (const BrokenRow& row : rows) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{5000}}) {
      stopped = false;
      make({.from = Sender::Client});
      pass(from_client(0x81, "good") + row.said, step);
      ASSERT_TRUE(stopped) << row.name;
      EXPECT_EQ(lane->stop().to_sender, row.code) << row.name;
      EXPECT_TRUE(lane->stop().answers_first);
      EXPECT_EQ(lane->stop().to_receiver, CloseCode::ProtocolError);
      EXPECT_TRUE(lane->stop().failure.code == Code::ClientBad ||
                  lane->stop().failure.code == Code::BodyTooLarge);
    }
  }
}

TEST_F(Lanes, OfAnOriginThatBreaksTheProtocolTheClientIsTold) {
  make({.from = Sender::Server});
  pass(from_server(0x83, ""));
  ASSERT_TRUE(stopped);
  EXPECT_EQ(lane->stop().to_sender, websocket::CloseCode::ProtocolError);
  EXPECT_EQ(lane->stop().to_receiver, websocket::CloseCode::BadGateway);
  EXPECT_FALSE(lane->stop().answers_first);
  EXPECT_EQ(lane->stop().failure.code, Code::UpstreamBroken);
}

// The longest message passes.
TEST_F(Lanes, TheLimitOfAMessageIsOfEachOne) {
  make({.from = Sender::Client});
  pass(from_client(0x82, Bytes(1000, 'x')) + from_client(0x82, Bytes(1000, 'x')));
  EXPECT_FALSE(stopped);
}

constexpr const char* kHello = "\xf2\x48\xcd\xc9\xc9\x07";  // and a zero, RFC 7692 section 7.2.3.1

TEST_F(Lanes, CompressionIsUndoneForTheLookAndMadeAnew) {
  const Bytes hello = Bytes(kHello) + Bytes(1, '\0');
  const Bytes again("\xf2\x00\x11\x00\x00", 5);  // "Hello" once more, as a reference
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
    for (const bool writes : {true, false}) {
      WordLook look;
      make({.from = Sender::Client, .reads = {.on = true}, .writes = {.on = writes}}, &look);
      const Bytes out = pass(from_client(0xc1, hello) + from_client(0x41, again.substr(0, 2)) +
                                 from_client(0x80, again.substr(2)) + from_client(0x82, "plain"),
                             step);
      EXPECT_FALSE(stopped);
      EXPECT_EQ(look.shown, "<Hello><Hello>[plain]");
      const GotFrames got = read_frames(out, Sender::Client, true);
      EXPECT_EQ(got.violation, nullptr);
      ASSERT_EQ(got.messages.size(), 3U);
      EXPECT_EQ(got.messages[0].compressed, writes);
      EXPECT_EQ(got.messages[1].compressed, writes);
      EXPECT_FALSE(got.messages[2].compressed) << "as its sender has it";
      MessageInflater inflater(space, true, {});
      for (const int i : {0, 1}) {
        Bytes text = got.messages[static_cast<std::size_t>(i)].payload;
        if (writes) {
          ByteView in = text;
          Bytes room(100, '\0');
          const auto made = inflater.inflate(in, room, true);
          ASSERT_TRUE(made);
          EXPECT_TRUE(inflater.done());
          text = room.substr(0, *made);
        }
        EXPECT_EQ(text, "Hello");
      }
    }
  }
}

TEST_F(Lanes, DamagedCompressionAndBombsStopThem) {
  make({.from = Sender::Client, .reads = {.on = true}});
  pass(from_client(0xc1, "\xff\xff"));
  ASSERT_TRUE(stopped);
  EXPECT_EQ(lane->stop().to_sender, websocket::CloseCode::InvalidData);

  stopped = false;
  Bytes bomb;
  MessageDeflater deflater(space, true, 12);
  ASSERT_TRUE(deflater.begin());
  deflater.deflate(Bytes(8 << 20, '\0'), true, bomb);
  make({.from = Sender::Server,
        .reads = {.on = true},
        .message_bytes = 1 << 30,
        .bomb = {.ratio = 100, .ratio_after = 1 << 20}});
  const Bytes out = pass(from_server(0xc2, bomb));
  ASSERT_TRUE(stopped);
  EXPECT_EQ(lane->stop().to_sender, websocket::CloseCode::TooBig);
  EXPECT_LT(out.size(), std::size_t{2} << 20);
}

TEST_F(Lanes, WithoutMemoryToReadBothAreToldToComeAgain) {
  DecodeSpace full(100);
  WebsocketLane tight({.from = Sender::Client, .reads = {.on = true}, .message_bytes = 100}, full,
                      {});
  tight.feed(from_client(0xc1, Bytes(kHello) + Bytes(1, '\0')));
  WebsocketLane::Step did = tight.step();
  while (did == WebsocketLane::Step::Again) did = tight.step();
  ASSERT_EQ(did, WebsocketLane::Step::Stopped);
  EXPECT_EQ(tight.stop().to_sender, websocket::CloseCode::TryAgainLater);
  EXPECT_EQ(tight.stop().to_receiver, websocket::CloseCode::TryAgainLater);
}

TEST_F(Lanes, OfARefusedPieceNothingGoes) {
  WordLook look;
  make({.from = Sender::Client}, &look);
  const Bytes out = pass(from_client(0x81, "fine") + from_client(0x01, "this is forb") +
                         from_client(0x80, "idden") + from_client(0x81, "more"));
  ASSERT_TRUE(stopped);
  const GotFrames got = read_frames(out, Sender::Client);
  ASSERT_EQ(got.messages.size(), 2U);
  EXPECT_EQ(got.messages[0].payload, "fine");
  EXPECT_EQ(got.messages[1].payload, "this is forb");
  EXPECT_FALSE(got.messages[1].complete);
  EXPECT_EQ(lane->stop().to_sender, websocket::CloseCode::Policy);
  EXPECT_EQ(lane->stop().to_receiver, websocket::CloseCode::Policy);
  EXPECT_FALSE(lane->stop().answers_first);
  EXPECT_EQ(lane->stop().to_client, "secret in message: a word; remove it and go on");
  // A close frame goes between two frames.
  lane->close(websocket::CloseCode::Policy, "");
  const GotFrames last = read_frames(out + lane->take(1000), Sender::Client);
  EXPECT_EQ(last.violation, nullptr);
  ASSERT_EQ(last.controls.size(), 1U);
  EXPECT_EQ(last.controls[0].payload, close_payload(1008));
}

TEST_F(Lanes, WhatTheLookKeepsBackGoesWhenItMay) {
  WordLook look;
  look.keeps = 4;
  look.keeps_paused = 1;
  make({.from = Sender::Client}, &look);
  Bytes out = pass(from_client(0x01, "abcdefgh"));
  EXPECT_EQ(read_frames(out, Sender::Client).messages.at(0).payload, "abcd");
  EXPECT_TRUE(lane->pause());
  out += lane->take(1000);
  EXPECT_EQ(read_frames(out, Sender::Client).messages.at(0).payload, "abcdefg");
  out += pass(from_client(0x80, "i"));
  const GotFrames got = read_frames(out, Sender::Client);
  EXPECT_EQ(got.messages.at(0).payload, "abcdefghi");
  EXPECT_TRUE(got.messages.at(0).complete);
}

// Pings, pongs and close reasons carry up to 125 bytes each.
TEST_F(Lanes, ControlFramesAreLookedAt) {
  for (const unsigned first : {0x89u, 0x8au, 0x88u}) {
    stopped = false;
    WordLook look;
    WordLook controls;
    make({.from = Sender::Client}, &look, &controls);
    const Bytes text = "forbidden";
    const Bytes out = pass(from_client(0x89, "") +
                           from_client(first, first == 0x88 ? close_payload(1000, text) : text));
    EXPECT_TRUE(stopped);
    EXPECT_EQ(read_frames(out, Sender::Client).controls.size(), 1U);
    EXPECT_EQ(look.shown, "");
    EXPECT_EQ(lane->stop().to_receiver, websocket::CloseCode::Policy);
    EXPECT_TRUE(lane->stop().finding);
    EXPECT_EQ(lane->closed(), first == 0x88u) << "nothing more is to come";
  }
}

// As a credential's value is taken out of what comes back.
class Capitals final : public MessageSwap {
 public:
  Bytes feed(ByteView piece, bool ends) override {
    held_ += piece;
    Bytes out = ends ? std::exchange(held_, Bytes()) : held_.substr(0, held_.size() / 2);
    held_.erase(0, ends ? 0 : out.size());
    for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return out;
  }

 private:
  Bytes held_;
};

TEST_F(Lanes, SwapsComeBeforeTheLook) {
  std::vector<std::unique_ptr<MessageSwap>> swaps;
  swaps.push_back(std::make_unique<Capitals>());
  WordLook look;
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
    look.shown.clear();
    make({.from = Sender::Server, .swaps = &swaps}, &look);
    const Bytes out = pass(from_server(0x01, "hello") + from_server(0x80, " you") +
                               from_server(0x82, "") + from_server(0x81, "x"),
                           step);
    const GotFrames got = read_frames(out, Sender::Server);
    ASSERT_EQ(got.messages.size(), 3U);
    EXPECT_EQ(got.messages[0].payload, "HELLO YOU");
    EXPECT_EQ(got.messages[1].payload, "");
    EXPECT_EQ(got.messages[2].payload, "X");
    EXPECT_EQ(look.shown, "<HELLO YOU>[]<X>");
  }
}

TEST_F(Lanes, ControlFramesGoThroughSwapsBetweenMessages) {
  std::vector<std::unique_ptr<MessageSwap>> swaps;
  swaps.push_back(std::make_unique<Capitals>());
  make({.from = Sender::Server, .swaps = &swaps});
  Bytes out = pass(from_server(0x89, "ping") + from_server(0x01, "hel") + from_server(0x89, "in") +
                   from_server(0x80, "lo") + from_server(0x88, close_payload(1008, "why")));
  GotFrames got = read_frames(out, Sender::Server);
  ASSERT_EQ(got.controls.size(), 3U);
  EXPECT_EQ(got.controls[0].payload, "PING");
  EXPECT_EQ(got.controls[1].payload, "in");
  EXPECT_EQ(got.controls[2].payload, close_payload(1008, "WHY"));
  EXPECT_EQ(got.messages.at(0).payload, "HELLO");
  make({.from = Sender::Server, .swaps = &swaps});
  out = pass(from_server(0x01, "hel") + from_server(0x88, close_payload(1008, "why")));
  EXPECT_EQ(read_frames(out, Sender::Server).controls.at(0).payload, close_payload(1008));
}

// A fast sender with a slow receiver: output is bounded, however much is there.
// [T92]
TEST_F(Lanes, WaitForTheirReader) {
  make({.from = Sender::Server, .message_bytes = 1 << 30});
  Bytes said;
  for (int i = 0; i < 100; ++i) said += from_server(0x82, Bytes(10'000, 'x'));
  lane->feed(said);
  std::size_t taken = 0;
  std::size_t waits = 0;
  for (;;) {
    const WebsocketLane::Step did = lane->step();
    if (did == WebsocketLane::Step::Input) break;
    if (did != WebsocketLane::Step::Output) continue;
    ++waits;
    std::size_t now = 0;
    while (lane->has_output()) now += lane->take(4096).size();
    EXPECT_LE(now, WebsocketLane::kMostOut + 16'384);
    taken += now;
  }
  EXPECT_GT(waits, 10U);
  while (lane->has_output()) taken += lane->take(4096).size();
  EXPECT_EQ(taken, said.size());
}

// After a stop, a close frame is still noticed.
TEST_F(Lanes, DiscardingTheyHearACloseFrame) {
  WordLook look;
  make({.from = Sender::Client}, &look);
  pass(from_client(0x81, "forbidden") + from_client(0x81, "rest"));
  ASSERT_TRUE(stopped);
  lane->discard();
  stopped = false;
  EXPECT_EQ(pass(from_client(0x01, "a") + from_client(0x80, "b")), "");
  EXPECT_FALSE(lane->closed());
  EXPECT_EQ(pass(from_client(0x88, close_payload(1008))), "");
  EXPECT_TRUE(lane->closed());
}

}  // namespace
}  // namespace bottle
