// How an engine sends answers, within the windows that the client gives; and how it ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/http/h2_engine.h"
#include "tests/support/h2_frames.h"
#include "tests/unit/http/h2_engine_peer.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST(H2Engine, AnAnswerIsHeadAndBodyAndEnd) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("hello"));
  s.engine.offer(1, piece("", true));
  s.flush();
  ASSERT_EQ(s.count(kHeadersFrame, 1), 1U);
  EXPECT_EQ(s.body_bytes(1), 5U);
  EXPECT_TRUE(s.frames.back().ends());
  EXPECT_EQ(s.all<H2Closed>().size(), 1U);
  EXPECT_EQ(s.engine.open_streams(), 0U);
}

TEST(H2Engine, TheEndMayComeWithoutBytes) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.flush();
  EXPECT_EQ(s.engine.open_streams(), 1U);
  s.engine.offer(1, piece("", true));
  s.flush();
  EXPECT_TRUE(s.frames.back().ends());
}

TEST(H2Engine, ManyFramesAreOneWrite) {
  Server s;
  s.greet();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(s.send(headers(2 * i + 1, request_fields(), true)));
    ASSERT_TRUE(s.engine.respond(2 * i + 1, ok_head(), false));
    s.engine.offer(2 * i + 1, piece("hello", true));
  }
  std::vector<char> out(64 * 1024);
  const std::size_t n = s.engine.fill(ByteSpan(out), s.now);
  EXPECT_GT(n, 20U * (9 + 5));
  EXPECT_EQ(s.engine.fill(ByteSpan(out), s.now), 0U);
}

TEST(H2Engine, FramesSurviveASmallOutputBuffer) {
  for (const std::size_t buffer : {600U, 1000U, 5000U, 20000U}) {
    Server s;
    s.greet();
    ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
    ResponseHead head = ok_head();
    head.fields.add("x-long", std::string(30'000, 'v'));
    ASSERT_TRUE(s.engine.respond(1, head, false));
    s.engine.offer(1, piece(Bytes(30'000, 'b'), true));
    s.flush(buffer);
    EXPECT_EQ(s.body_bytes(1), 30'000U) << buffer;
    EXPECT_TRUE(s.frames.back().ends());
    EXPECT_EQ(s.all<H2Closed>().size(), 1U);
  }
}

TEST(H2Engine, AHeadThatCannotBeSentIsAFailureAndQueuesNothing) {
  for (const auto& [name, value] :
       FieldList{{"x", "a\r\nb"}, {"x y", "a"}, {"", "a"}, {":x", "a"}}) {
    Server s;
    s.greet();
    ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
    ResponseHead head = ok_head();
    head.fields.add(name, value);
    const auto result = s.engine.respond(1, head, true);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::Internal);
    // Another answer may take its place.
    ASSERT_TRUE(s.engine.respond(1, ok_head(), true));
    s.flush();
    EXPECT_EQ(s.count(kHeadersFrame, 1), 1U);
  }
}

TEST(H2Engine, ResetDropsWhatIsQueued) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("hello"));
  s.engine.reset(1, H2Error::Cancel);
  EXPECT_EQ(s.engine.queued(), 0U);
  s.flush();
  EXPECT_EQ(s.rst_code(1), 8);
  EXPECT_EQ(s.body_bytes(1), 0U);
}

TEST(H2Engine, ACutBodySendsWhatItHasAndNeverEnds) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("hello"));
  s.engine.cut(1, H2Error::InternalError);
  s.flush();
  ASSERT_EQ(s.frames.size(), 3U);
  EXPECT_EQ(s.frames[0].type, kHeadersFrame);
  EXPECT_EQ(s.frames[1].payload, "hello");
  EXPECT_FALSE(s.frames[1].ends());
  EXPECT_EQ(s.rst_code(1), 2);
  EXPECT_EQ(s.engine.open_streams(), 0U);
}

TEST(H2Engine, ACutBodyDoesNotWaitForAClosedWindow) {
  Server s;
  s.greet({{4, 0}});
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece("hello"));
  s.engine.cut(1, H2Error::InternalError);
  s.flush();
  EXPECT_EQ(s.count(kHeadersFrame, 1), 1U);
  EXPECT_EQ(s.rst_code(1), 2);
  EXPECT_EQ(s.engine.queued(), 0U);
}

// ---- flow control

TEST(H2Engine, RoomIsTheSmallestOfQueueAndWindows) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  EXPECT_EQ(s.engine.room(1), 65535U);  // the default window
  s.engine.offer(1, piece(Bytes(10'000, 'x')));
  EXPECT_EQ(s.engine.room(1), 55'535U);
  ASSERT_TRUE(s.send(window_update(1, 1'000'000) + window_update(0, 1'000'000)));
  EXPECT_EQ(s.engine.room(1), 55'536U);  // 64 KiB queue
  EXPECT_EQ(s.engine.room(99), 0U);
}

TEST(H2Engine, AnExhaustedWindowStopsAndResumes) {
  Server s;
  s.greet({{4, 1000}});
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece(Bytes(5000, 'x'), true));
  s.flush();
  EXPECT_EQ(s.body_bytes(1), 1000U);
  EXPECT_FALSE(s.engine.wants_write());
  ASSERT_TRUE(s.exchange(window_update(1, 500)));
  EXPECT_EQ(s.body_bytes(1), 1500U);
  ASSERT_TRUE(s.exchange(settings({{4, 100'000}})));
  EXPECT_EQ(s.body_bytes(1), 5000U);
  EXPECT_TRUE(
      std::any_of(s.frames.begin(), s.frames.end(), [](const SeenFrame& f) { return f.ends(); }));
}

TEST(H2Engine, TheConnectionWindowHoldsAllStreams) {
  Server s;
  s.greet({{4, 1'000'000}});
  for (const StreamId id : {1, 3}) {
    ASSERT_TRUE(s.send(headers(id, request_fields(), true)));
    ASSERT_TRUE(s.engine.respond(id, ok_head(), false));
    s.engine.offer(id, piece(Bytes(60'000, 'x')));
  }
  s.flush();
  EXPECT_EQ(s.body_bytes(1) + s.body_bytes(3), 65535U);
  ASSERT_TRUE(s.exchange(window_update(0, 100'000)));
  EXPECT_EQ(s.body_bytes(1) + s.body_bytes(3), 120'000U);
}

TEST(H2Engine, StreamsTakeTurns) {
  Server s;
  s.greet({{4, 1'000'000}});
  ASSERT_TRUE(s.send(window_update(0, 10'000'000)));
  for (const StreamId id : {1, 3}) {
    ASSERT_TRUE(s.send(headers(id, request_fields(), true)));
    ASSERT_TRUE(s.engine.respond(id, ok_head(), false));
    s.engine.offer(id, piece(Bytes(100'000, 'x')));
  }
  s.flush();
  std::vector<StreamId> order;
  for (const auto& f : s.frames) {
    if (f.type == kDataFrame) order.push_back(f.stream);
  }
  ASSERT_GE(order.size(), 8U);
  EXPECT_NE(order[0], order[1]);
  EXPECT_NE(order[2], order[3]);
}

TEST(H2Engine, ASlowReaderHoldsNoMoreThanTheCap) {
  Server s;
  s.greet({{4, 0x7fffffff}});
  ASSERT_TRUE(s.send(window_update(0, 0x7fffffff - 65535)));
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    const StreamId id = 2 * i + 1;
    ASSERT_TRUE(s.send(headers(id, request_fields(), true)));
    ASSERT_TRUE(s.engine.respond(id, ok_head(), false));
    // The peer takes nothing (fill is never called); the session reads as long as there is room.
    std::size_t held = 0;
    while (const std::size_t room = s.engine.room(id)) {
      s.engine.offer(id, piece(Bytes(room, 'x')));
      held += room;
    }
    most = std::max(most, held);
  }
  EXPECT_EQ(most, 64U * 1024);
  EXPECT_EQ(s.engine.queued(), 256U * 1024);
}

TEST(H2Engine, AClosedWindowStillLetsALittleBeReadAhead) {
  Server s;
  s.greet({{4, 0}});
  ASSERT_TRUE(s.send(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  EXPECT_EQ(s.engine.room(1), 2048U);
  s.engine.offer(1, piece(Bytes(2048, 'x')));
  EXPECT_EQ(s.engine.room(1), 0U);
  s.flush();
  EXPECT_EQ(s.body_bytes(1), 0U);
  EXPECT_TRUE(s.all<H2Writable>().empty());
  ASSERT_TRUE(s.exchange(window_update(1, 10'000)));
  EXPECT_EQ(s.body_bytes(1), 2048U);
  EXPECT_EQ(s.all<H2Writable>().size(), 1U);
  EXPECT_GT(s.engine.room(1), 0U);
}

TEST(H2Engine, WritableIsToldOnceWhenTheQueueDrains) {
  Server s;
  s.greet({{4, 1'000'000}});
  ASSERT_TRUE(s.send(window_update(0, 1'000'000) + headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece(Bytes(64 * 1024, 'x')));
  EXPECT_EQ(s.engine.room(1), 0U);
  EXPECT_EQ(s.engine.room(1), 0U);
  s.flush();
  EXPECT_EQ(s.all<H2Writable>().size(), 1U);
}

TEST(H2Engine, CreditIsGivenWhenReadInLargeSteps) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.send(headers(1, request_fields("POST"), false)));
  const Bytes frame16(16384, 'x');
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(s.exchange(data(1, frame16)));
  EXPECT_EQ(s.count(kWindowFrame), 0U);  // nothing was read
  for (int i = 0; i < 16; ++i) {
    s.engine.consumed(1, 16384);
    s.flush();
  }
  EXPECT_EQ(s.count(kWindowFrame, 1), 2U);  // half a window each
  EXPECT_EQ(s.first(kWindowFrame, 1)->word(), 128U * 1024);
  // One byte more than the window is the client's error.
  Server full;
  full.greet();
  ASSERT_TRUE(full.send(headers(1, request_fields("POST"), false)));
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(full.exchange(data(1, frame16)));
  full.exchange(data(1, "x"));
  EXPECT_TRUE(full.rst_code(1) == 3 || full.goaway_code() == 3);
}

TEST(H2Engine, LostStreamsGiveTheirWindowBack) {
  Server s;
  s.greet();
  const Bytes frame16(16384, 'x');
  std::size_t credit = 1024 * 1024;
  std::size_t sent = 0;
  // 40 × 64 KiB is more than the connection's window; none of it is ever read.
  for (int i = 0; i < 40; ++i) {
    const StreamId id = 2 * i + 1;
    ASSERT_TRUE(s.exchange(headers(id, request_fields("POST"), false)));
    for (int k = 0; k < 4; ++k) {
      ASSERT_LE(sent + 16384, credit) << i;
      ASSERT_TRUE(s.exchange(data(id, frame16)));
      sent += 16384;
    }
    if (i % 2 == 0) {
      ASSERT_TRUE(s.exchange(rst(id)));
    } else {
      s.engine.reset(id, H2Error::Cancel);
      s.flush();
    }
    credit = 1024 * 1024;
    for (const auto& f : s.frames) {
      if (f.type == kWindowFrame && f.stream == 0) credit += f.word();
    }
  }
  EXPECT_EQ(s.engine.open_streams(), 0U);
}

TEST(H2Engine, UnreadBytesOfAFinishedStreamKeepTheWindowDown) {
  Server s;
  s.greet();
  ASSERT_TRUE(
      s.exchange(headers(1, request_fields("POST"), false) + data(1, Bytes(16384, 'x'), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), true));
  s.flush();
  EXPECT_EQ(s.all<H2Closed>().size(), 1U);
  EXPECT_EQ(s.engine.open_streams(), 1U);
  s.engine.reset(1, H2Error::Cancel);  // they will not be read
  s.flush();
  EXPECT_EQ(s.engine.open_streams(), 0U);
  EXPECT_EQ(s.rst_code(1), -1);
}

// ---- GOAWAY

TEST(H2Engine, DrainIsTwoGoawaysThenDone) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields(), true)));
  s.engine.shutdown_notice();
  s.flush();
  ASSERT_EQ(s.count(kGoAwayFrame), 1U);
  EXPECT_EQ(s.first(kGoAwayFrame)->word() & 0x7fffffffU, 0x7fffffffU);
  ASSERT_TRUE(s.exchange(headers(3, request_fields(), true)));  // was on its way
  EXPECT_EQ(s.all<H2Request>().size(), 2U);
  s.engine.goaway(H2Error::NoError);
  s.flush();
  ASSERT_EQ(s.count(kGoAwayFrame), 2U);
  EXPECT_EQ(s.frames.back().word(), 3U);
  ASSERT_TRUE(s.exchange(headers(5, request_fields(), true)));  // too late: ignored
  EXPECT_EQ(s.all<H2Request>().size(), 2U);
  EXPECT_FALSE(s.engine.done());
  for (const StreamId id : {1, 3}) ASSERT_TRUE(s.engine.respond(id, ok_head(), true));
  s.flush();
  EXPECT_TRUE(s.engine.done());
}

TEST(H2Engine, TerminateSendsNothingAfterTheGoaway) {
  Server s;
  s.greet();
  ASSERT_TRUE(s.exchange(headers(1, request_fields(), true)));
  ASSERT_TRUE(s.engine.respond(1, ok_head(), false));
  s.engine.offer(1, piece(Bytes(1000, 'x')));
  s.engine.terminate(H2Error::InternalError);
  s.flush();
  EXPECT_EQ(s.frames.back().type, kGoAwayFrame);
  EXPECT_EQ(s.goaway_code(), 2);
  EXPECT_TRUE(s.engine.done());
}

}  // namespace
}  // namespace bottle
