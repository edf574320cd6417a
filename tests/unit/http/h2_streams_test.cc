// How an engine's streams end: answers before the request's end, frames on closed streams, and the
// heads that a connection may hold.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/http/closed_streams.h"
#include "proxy/http/h2_client_engine.h"
#include "tests/support/h2_frames.h"
#include "tests/unit/http/h2_engine_peer.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

constexpr int kControlLeft = 1000 - 2;  // both SETTINGS frames were counted
const Bytes kFrame16(16384, 'x');

// A stream whose answer was sent while its request goes on.
void answer_early(Server& s, StreamId id) {
  ASSERT_TRUE(s.exchange(headers(id, request_fields("POST"), false)));
  ASSERT_TRUE(s.engine.respond(id, ok_head(), false));
  s.engine.offer(id, piece("no", true));
  s.flush();
  ASSERT_TRUE(s.first(kDataFrame, id)->ends());
}

// ---- answers before the request's end

TEST(H2Linger, TheAnswerIsNotFollowedByAReset) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields("POST"), false) + data(1, "abc")));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("no", true));
  s.flush();
  EXPECT_TRUE(s.first(kDataFrame, 1)->ends());
  EXPECT_EQ(s.all<H2Closed>().size(), 1U);  // for the application it is over
  s.engine.reset(1, H2Error::Cancel);       // as the session does when an exchange ends
  s.flush();
  EXPECT_EQ(s.rst_code(1), -1);
  EXPECT_EQ(s.engine.open_streams(), 1U);
  // The request ends by itself: nothing is reset at all.
  ASSERT_TRUE(s.exchange(data(1, "the rest", true)));
  s.now += 10s;
  s.flush();
  EXPECT_EQ(s.rst_code(1), -1);
  EXPECT_EQ(s.engine.open_streams(), 0U);
  EXPECT_TRUE(s.all<H2Data>().size() == 1);  // "abc", and nothing after the answer
}

TEST(H2Linger, WhatComesIsThrownAwayAndBecomesWindowAgain) {
  Server s;
  s.greet();
  answer_early(s, 1);
  std::size_t window = 256 * 1024;
  // Three times the stream's window, in the tempo of the credit.
  for (int i = 0; i < 48; ++i) {
    ASSERT_GE(window, kFrame16.size()) << i;
    window -= kFrame16.size();
    s.frames.clear();
    ASSERT_TRUE(s.exchange(data(1, kFrame16)));
    for (const auto& f : s.frames) {
      if (f.type == kWindowFrame && f.stream == 1) window += f.word();
    }
  }
  EXPECT_TRUE(s.all<H2Data>().empty());
  EXPECT_EQ(s.rst_code(1), -1);
}

TEST(H2Linger, ResetsWithNoErrorWhenTheTimeIsUp) {
  Server s;
  s.greet();
  EXPECT_FALSE(s.engine.due());
  answer_early(s, 1);
  ASSERT_TRUE(s.engine.due());
  EXPECT_EQ(*s.engine.due(), s.now + 1s);
  s.now += 999ms;
  s.flush();
  EXPECT_EQ(s.rst_code(1), -1);
  s.now += 1ms;
  s.flush();
  EXPECT_EQ(s.rst_code(1), 0);
  EXPECT_FALSE(s.engine.due());
  EXPECT_EQ(s.engine.open_streams(), 0U);
}

TEST(H2Linger, EachPieceGivesItTimeButNotForEver) {
  H2Limits limits;
  limits.linger_most = 10s;
  Server s(false, limits);
  s.greet();
  answer_early(s, 1);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(s.rst_code(1), -1) << i;
    s.now += 900ms;
    ASSERT_TRUE(s.exchange(data(1, "x")));
  }
  ASSERT_TRUE(s.engine.due());
  EXPECT_EQ(*s.engine.due(), FloodGuard::TimePoint{} + 10s);
  s.now += 1s;
  s.flush();
  EXPECT_EQ(s.rst_code(1), 0);
}

// Sends as much as the windows let it; how much that was. `connection` goes down and up with it.
std::size_t send_all_that_goes(Server& s, StreamId id, std::size_t& connection) {
  std::size_t sent = 0;
  std::size_t stream = 256 * 1024;
  while (stream >= kFrame16.size() && connection >= kFrame16.size()) {
    stream -= kFrame16.size();
    connection -= kFrame16.size();
    sent += kFrame16.size();
    s.frames.clear();
    if (!s.exchange(data(id, kFrame16))) break;
    for (const auto& f : s.frames) {
      if (f.type == kWindowFrame && f.stream == id) stream += f.word();
      if (f.type == kWindowFrame && f.stream == 0) connection += f.word();
    }
  }
  return sent;
}

TEST(H2Linger, BeyondItsBytesTheStreamsWindowStaysShutAndTheConnectionsDoesNot) {
  H2Limits limits;
  limits.linger_bytes = 1024 * 1024;
  Server s(false, limits);
  s.greet();
  answer_early(s, 1);
  std::size_t connection = 1024 * 1024;
  const std::size_t sent = send_all_that_goes(s, 1, connection);
  EXPECT_GE(sent, 1024U * 1024);
  EXPECT_LE(sent, (1024U + 256U) * 1024);
  EXPECT_GE(connection, 512U * 1024) << "other streams must not suffer";
  EXPECT_EQ(s.rst_code(1), -1) << "a reset now would overtake the answer";
  s.now += 1s;
  s.flush();
  EXPECT_EQ(s.rst_code(1), 0);
}

TEST(H2Linger, AllStreamsTogetherThrowAwaySoMuchAndNoMore) {
  H2Limits limits;
  limits.linger_bytes = 1024 * 1024;
  limits.flood.discarded_kib = {16 * 1024, 1024};
  Server s(false, limits);
  s.greet();
  std::size_t total = 0;
  std::size_t connection = 1024 * 1024;
  for (int i = 0; i < 60; ++i) {
    answer_early(s, 2 * i + 1);
    total += send_all_that_goes(s, 2 * i + 1, connection);
    ASSERT_FALSE(s.failure) << i;
  }
  // 16 MiB in one go, and then a window a stream.
  EXPECT_GE(total, 16U * 1024 * 1024);
  EXPECT_LE(total, (16U + 60U / 4U + 2U) * 1024 * 1024);
}

TEST(H2Linger, BeyondTheConnectionsRateAStreamWaitsForItsWindowAndGoesOn) {
  H2Limits limits;
  limits.flood.discarded_kib = {1024, 1024};
  Server s(false, limits);
  s.greet();
  answer_early(s, 1);
  std::size_t connection = 1024 * 1024;
  ASSERT_LE(send_all_that_goes(s, 1, connection), 1280U * 1024);
  s.frames.clear();
  // Its silence is our doing, so it is not reset for that; the window comes as the rate allows.
  std::size_t window = 0;
  const auto begin = s.now;
  while (window == 0 && s.now < begin + 2s) {
    ASSERT_TRUE(s.engine.due());
    ASSERT_GT(*s.engine.due(), s.now);
    s.now = *s.engine.due();
    s.flush();
    for (const auto& f : s.frames) {
      if (f.type == kWindowFrame && f.stream == 1) window += f.word();
    }
  }
  EXPECT_GE(window, 128U * 1024);
  EXPECT_LE(s.now, begin + 500ms);
  EXPECT_EQ(s.rst_code(1), -1);
  // From here on it is the client's silence.
  s.now += 1s;
  s.flush();
  EXPECT_EQ(s.rst_code(1), 0);
}

TEST(H2Linger, ALateFrameAfterItsResetIsNoOffence) {
  Server s;
  s.greet();
  for (int i = 0; i < 40; ++i) {
    const StreamId id = 2 * i + 1;
    answer_early(s, id);
    s.now += 1s;
    s.flush();
    ASSERT_EQ(s.rst_code(id), 0);
    // A window that was on its way, in small pieces, and the end.
    for (int k = 0; k < 200; ++k) ASSERT_TRUE(s.exchange(data(id, Bytes(1000, 'l')))) << i;
    ASSERT_TRUE(s.exchange(data(id, "", true)));
    s.frames.clear();
  }
}

TEST(H2Linger, TrailersOfAnAnsweredRequestEndIt) {
  Server s;
  s.greet();
  answer_early(s, 1);
  ASSERT_TRUE(s.exchange(headers(1, {{"a", "b"}}, true)));
  EXPECT_TRUE(s.all<H2Trailers>().empty());
  EXPECT_EQ(s.engine.open_streams(), 0U);
  EXPECT_EQ(s.rst_code(1), -1);
}

// ---- frames on closed streams (RFC 9113 sections 5.1 and 5.1.1)

struct Closed {
  const char* name;
  // Sends what closes stream 1 and then offends.
  void (*play)(Server& s);
  std::int64_t goaway;  // -1: none
  std::int64_t rst;
};

void answer_whole(Server& s, StreamId id) {
  ASSERT_TRUE(s.exchange(headers(id, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(id, ok_head(), true));
  s.flush();
}

class H2ClosedStream : public testing::TestWithParam<Closed> {};
TEST_P(H2ClosedStream, IsJudgedByHowItEnded) {
  for (const bool by_bytes : {false, true}) {
    Server s(by_bytes);
    s.greet();
    GetParam().play(s);
    s.flush();
    EXPECT_EQ(s.goaway_code(), GetParam().goaway);
    EXPECT_EQ(s.rst_code(1), GetParam().rst);
  }
}
INSTANTIATE_TEST_SUITE_P(
    All, H2ClosedStream,
    testing::Values(
        Closed{"DataAfterTheEnd",
               [](Server& s) {
                 answer_whole(s, 1);
                 s.send(data(1, "x"));
               },
               5, -1},
        Closed{"HeadersAfterTheEnd",
               [](Server& s) {
                 answer_whole(s, 1);
                 s.send(headers(1, request_fields(), true));
               },
               5, -1},
        // Of an idle stream, an open one and one that has ended: RFC 7540 section 5.3.1.
        Closed{"ItselfAsDependency", [](Server& s) { s.send(frame(2, 0, 9, be32(9) + "\x10")); }, 1,
               -1},
        Closed{"ItselfAsDependencyExclusively",
               [](Server& s) {
                 s.send(headers(1, request_fields(), false));
                 s.send(frame(2, 0, 1, be32(0x80000001U) + "\x10"));
               },
               1, -1},
        Closed{"AnotherAsDependency",
               [](Server& s) {
                 answer_whole(s, 1);
                 s.send(frame(2, 0, 1, be32(3) + "\x10"));
                 s.send(frame(2, 0, 3, be32(0) + "\x10"));
               },
               -1, -1},
        Closed{"DataAfterTheirReset",
               [](Server& s) {
                 s.exchange(headers(1, request_fields("POST"), false));
                 s.send(rst(1) + data(1, "x"));
               },
               -1, 5},
        Closed{"HeadersAfterTheirReset",
               [](Server& s) {
                 s.exchange(headers(1, request_fields("POST"), false));
                 s.send(rst(1) + headers(1, {{"a", "b"}}, true));
               },
               -1, 5},
        Closed{"DataAfterOurReset",
               [](Server& s) {
                 s.exchange(headers(1, request_fields("POST"), false));
                 s.engine.reset(1, H2Error::Cancel);
                 s.flush();
                 s.send(data(1, "x", true));
               },
               -1, 8},
        Closed{"ANumberThatWasPassedOver",
               [](Server& s) {
                 answer_whole(s, 5);
                 s.send(headers(3, request_fields(), true));
               },
               1, -1},
        Closed{"WindowUpdateAfterTheEnd",
               [](Server& s) {
                 answer_whole(s, 1);
                 EXPECT_TRUE(s.send(window_update(1, 100) + rst(1, 0)));
               },
               -1, -1},
        Closed{"PriorityOnNoStream",
               [](Server& s) { s.send(frame(kPriorityFrame, 0, 0, Bytes(5, '\0'))); }, 1, -1}),
    [](const auto& shape) { return shape.param.name; });

TEST(H2ClosedStreams, AStreamThatTheLibraryRefusedIsNoOffence) {
  Server s;
  ASSERT_TRUE(s.exchange(kClientPreface + settings()));  // it does not know the limit yet
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(s.exchange(headers(2 * i + 1, request_fields("POST"), false)));
  }
  ASSERT_TRUE(s.exchange(headers(201, request_fields("POST"), false) + data(201, "x") +
                         data(201, "x", true)));
  EXPECT_EQ(s.rst_code(201), 7);
  EXPECT_EQ(s.goaway_code(), -1);
}

TEST(H2ClosedStreams, HeadersOnThemAreAFlood) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields("POST"), false)));
  s.engine.reset(1, H2Error::Cancel);
  s.flush();
  int sent = 0;
  while (sent < 100'000 && s.exchange(headers(1, request_fields(), false))) ++sent;
  EXPECT_EQ(sent, kControlLeft + 2);
  ASSERT_TRUE(s.failure);
  EXPECT_EQ(s.failure->code, Code::ClientFlood);
}

TEST(H2ClosedStreams, DataOnThemEarnsNothingAndIsAFlood) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields("POST"), false)));
  s.engine.reset(1, H2Error::Cancel);
  s.flush();
  int sent = 0;
  while (sent < 100'000 && s.exchange(data(1, "x"))) ++sent;
  EXPECT_EQ(sent, kControlLeft + 256);
  EXPECT_EQ(s.failure->code, Code::ClientFlood);
}

TEST(H2ClosedStreams, RememberHowTheLastOnesEnded) {
  using How = ClosedStreams::How;
  ClosedStreams closed;
  for (StreamId id = 1; id < 4000; id += 2) {
    closed.add(id, id % 4 == 1 ? How::Ended : How::WeReset);
    ASSERT_EQ(closed.find(id), id % 4 == 1 ? How::Ended : How::WeReset) << id;
  }
  EXPECT_EQ(closed.find(3999 - 2 * 255), How::Ended);
  EXPECT_EQ(closed.find(3999 - 2 * 256), How::Forgotten);
  EXPECT_EQ(closed.find(4001), How::Unused);
}

// An origin is bounded as a client is.
TEST(H2ClosedStreams, AnOriginsHeadersOnThemAreAFlood) {
  FloodGuard::TimePoint now{};
  H2ClientEngine engine(H2Limits{}, now);
  std::vector<char> out(64 * 1024);
  ASSERT_TRUE(engine.receive(settings() + settings_ack(), now));
  RequestHead head;
  head.method = "GET";
  head.target = "/";
  head.authority = "a.test";
  const auto id = engine.request(head, true);
  ASSERT_TRUE(id);
  while (engine.fill(ByteSpan(out), now) > 0) {
  }
  engine.reset(*id, H2Error::Cancel);
  while (engine.fill(ByteSpan(out), now) > 0) {
  }
  int sent = 0;
  const Bytes late = headers(*id, {{":status", "200"}}, false);
  while (sent < 100'000 && engine.receive(late, now)) ++sent;
  EXPECT_EQ(sent, kControlLeft + 2);
}

// ---- heads that a connection holds

FieldList large_request() {
  FieldList fields = request_fields();
  for (int i = 0; i < 60; ++i) fields.emplace_back("x-" + std::to_string(i), Bytes(1000, 'h'));
  return fields;
}

TEST(H2HeldHeads, ARequestBeyondThemIsRefusedAndMayComeAgain) {
  Server s;
  s.greet();
  int refused = 0;
  for (int i = 0; i < 50; ++i) {
    const StreamId id = 2 * i + 1;
    ASSERT_TRUE(s.exchange(headers(id, large_request(), true))) << i;
    if (s.rst_code(id) == 7) ++refused;
  }
  const auto taken = s.all<H2Request>();
  EXPECT_EQ(taken.size() + static_cast<std::size_t>(refused), 50U);
  std::size_t held = 0;
  for (const auto& request : taken) held += request.held;
  EXPECT_LE(held, 512U * 1024);
  EXPECT_EQ(taken.size(), 8U);
  // Once one of them is answered there is room.
  s.engine.release(taken[0].held);
  ASSERT_TRUE(s.exchange(headers(201, large_request(), true)));
  EXPECT_EQ(s.all<H2Request>().size(), 9U);
}

TEST(H2HeldHeads, RequestsThatAreResetBeforeAnyoneHeardGiveTheirRoomBack) {
  Server s;
  s.greet();
  for (int i = 0; i < 60; ++i) {
    const StreamId id = 2 * i + 1;
    ASSERT_TRUE(s.exchange(headers(id, large_request(), true) + rst(id))) << i;
    EXPECT_EQ(s.rst_code(id), -1) << i;
  }
}

TEST(H2HeldHeads, AnswersThatNobodyTakesAreBounded) {
  Server s;
  s.greet();
  ResponseHead large = ok_head();
  for (int i = 0; i < 60; ++i) large.fields.add("x-" + std::to_string(i), Bytes(1000, 'h'));
  int taken = 0;
  for (int i = 0; i < 100; ++i) {
    const StreamId id = 2 * i + 1;
    ASSERT_TRUE(s.send(headers(id, request_fields(), true)));
    s.engine.release(s.all<H2Request>().back().held);
    const auto put = s.engine.respond(id, large, true);
    taken += put ? 1 : 0;
    if (put) continue;
    EXPECT_EQ(put.error().code, Code::Overloaded);
    EXPECT_TRUE(s.engine.respond(id, ok_head(), true)) << "a small one has always room";
  }
  EXPECT_EQ(taken, 8);
  s.flush();
  ASSERT_TRUE(s.send(headers(201, request_fields(), true)));
  EXPECT_TRUE(s.engine.respond(201, large, true)) << "they were taken";
}

TEST(H2HeldHeads, TrailersBehindAShutWindowAreBoundedAndNeverLeftOut) {
  Server s;
  s.greet({{4, 0}});  // no window at all
  for (int i = 0; i < 20; ++i) {
    const StreamId id = 2 * i + 1;
    ASSERT_TRUE(s.send(headers(id, request_fields(), true)));
    s.engine.release(s.all<H2Request>().back().held);
    ASSERT_TRUE(s.engine.respond(id, ok_head(), false));
    Chunk last = piece("body", true);
    last.trailers.emplace();
    for (int k = 0; k < 60; ++k) last.trailers->add("x-" + std::to_string(k), Bytes(1000, 't'));
    s.engine.offer(id, std::move(last));
    s.flush();
  }
  EXPECT_EQ(s.rst_code(1), -1);
  EXPECT_EQ(s.rst_code(39), 0xb) << "cut, not ended without them";
}

// ---- bites

TEST(H2Bites, AFloodIsFedInSmallPieces) {
  Server s;
  s.greet();
  Bytes many;
  for (int i = 0; i < 100; ++i) many += window_update(0, 1);
  ByteView rest = many;
  int bites = 0;
  while (!rest.empty()) {
    const std::size_t before = rest.size();
    ASSERT_TRUE(s.engine.receive_some(rest, s.now));
    EXPECT_LE(before - rest.size(), 32 * window_update(0, 1).size());
    ++bites;
  }
  EXPECT_EQ(bites, 4);
}

TEST(H2Bites, AHeaderBlockIsDecodedInPieces) {
  Server s;
  s.greet();
  FieldList many = request_fields();
  many.insert(many.end(), 6000, {"a", "b"});
  const Bytes head = headers(1, many, true);
  ByteView rest = head;
  while (!rest.empty()) {
    const std::size_t before = rest.size();
    ASSERT_TRUE(s.engine.receive_some(rest, s.now));
    EXPECT_LE(before - rest.size(), 2048U + 9U);
  }
  s.take_events();
  ASSERT_EQ(s.all<H2Request>().size(), 1U);
  EXPECT_TRUE(s.all<H2Request>()[0].refused);
}

TEST(H2Bites, ATransferIsFedInOneGo) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields("POST"), false)));
  const Bytes frames = data(1, kFrame16) + data(1, kFrame16);
  ByteView rest = frames;
  ASSERT_TRUE(s.engine.receive_some(rest, s.now));
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace bottle
