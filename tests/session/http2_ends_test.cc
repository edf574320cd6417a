#include <gtest/gtest.h>

#include "tests/session/http2_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// How exchanges and connections end that do not end by an answer: resets, drains, deadlines.
class Http2SessionEnds : public Http2Bench {
 protected:
  awaitable<void> client_resets();
  awaitable<void> client_goes();
  awaitable<void> floods();
  awaitable<void> drains();
  awaitable<void> drain_has_an_end();
  awaitable<void> idles();
  awaitable<void> silent();
  awaitable<void> no_settings_ack();
  awaitable<void> slow_body();
  awaitable<void> stalled_stream();
  awaitable<void> quiet_stream();
  awaitable<void> deaf();
  awaitable<void> owner_cancels();
};

awaitable<void> Http2SessionEnds::client_resets() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/never"), true));
  co_await say(headers(3, request_fields("GET", "/live"), true));
  co_await settle();
  EXPECT_EQ(handler.handled, 2);
  co_await say(rst(1) + rst(3));
  co_await settle();
  EXPECT_EQ(handler.cancelled, 1);
  EXPECT_TRUE(handler.feed.cancelled);
  EXPECT_EQ(handler.log.size(), 2U);
  for (const auto& line : handler.log)
    EXPECT_EQ(line.failure.value_or(Code::Cancelled), Code::ClientGone);
  co_await close_and_join();
}
TEST_F(Http2SessionEnds, AResetCancelsTheExchange) { play(client_resets()); }

awaitable<void> Http2SessionEnds::client_goes() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/never"), true) +
               headers(3, request_fields("GET", "/live"), true) +
               headers(5, request_fields("POST", "/echo"), false));
  co_await settle();
  co_await close_and_join();
  EXPECT_EQ(handler.cancelled, 1);
  EXPECT_EQ(handler.body_failure, Code::ClientGone);
  EXPECT_EQ(handler.log.size(), 3U);
}
TEST_F(Http2SessionEnds, AClientThatGoesCancelsEverything) { play(client_goes()); }

awaitable<void> Http2SessionEnds::floods() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/never"), true));
  Bytes all;
  for (int i = 0; i < 500; ++i) all += ping();
  co_await say(all);
  co_await read_to_end();
  EXPECT_EQ(goaway_code(), 0xb);
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).failure, Code::ClientFlood);
}
// [T54]
TEST_F(Http2SessionEnds, AFloodEndsTheConnectionCalmly) { play(floods()); }

awaitable<void> Http2SessionEnds::drains() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/live"), true));
  co_await settle();
  drain.begin();
  co_await until(kGoAwayFrame, 0);
  // A request that was on its way is still taken.
  co_await say(headers(3, request_fields("GET", "/hello"), true));
  co_await until_ended(3);
  handler.feed.push("last");
  handler.feed.finish();
  co_await read_to_end();
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(body(1), "last");
  EXPECT_EQ(count(kGoAwayFrame), 2);
  co_await close_and_join();
}
TEST_F(Http2SessionEnds, ADrainFinishesWhatWasBegun) { play(drains()); }

awaitable<void> Http2SessionEnds::drain_has_an_end() {
  limits.drain = 50ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/never"), true));
  co_await settle();
  drain.begin();
  co_await read_to_end();
  co_await close_and_join();
  EXPECT_EQ(handler.cancelled, 1);
  EXPECT_EQ(handler.log.at(0).failure, Code::ShuttingDown);
}
TEST_F(Http2SessionEnds, ADrainDoesNotWaitForEver) { play(drain_has_an_end()); }

awaitable<void> Http2SessionEnds::idles() {
  limits.idle = 40ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/hello"), true));
  co_await read_to_end();
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(goaway_code(), 0);
  co_await close_and_join();
}
TEST_F(Http2SessionEnds, AnIdleConnectionIsClosedInOrder) { play(idles()); }

awaitable<void> Http2SessionEnds::silent() {
  limits.first_byte = 40ms;
  start();
  co_await read_to_end();
  co_await close_and_join();
}
TEST_F(Http2SessionEnds, AClientThatSaysNothingIsLetGo) { play(silent()); }

awaitable<void> Http2SessionEnds::no_settings_ack() {
  limits.settings_ack = 40ms;
  start();
  co_await say(kClientPreface + settings() + headers(1, request_fields("GET", "/never"), true));
  co_await read_to_end();
  EXPECT_EQ(goaway_code(), 4) << "SETTINGS_TIMEOUT";
  co_await close_and_join();
  EXPECT_EQ(handler.cancelled, 1);
}
TEST_F(Http2SessionEnds, SettingsMustBeAcknowledged) { play(no_settings_ack()); }

awaitable<void> Http2SessionEnds::slow_body() {
  limits.body_stall = 40ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("POST", "/echo"), false) + data(1, "x"));
  co_await until_ended(1);
  EXPECT_EQ(body(1), "client_slow");
  EXPECT_EQ(handler.body_failure, Code::ClientSlow);
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).status, 408);
}
// [T56]
TEST_F(Http2SessionEnds, ABodyThatStopsComingIsA408) { play(slow_body()); }

awaitable<void> Http2SessionEnds::stalled_stream() {
  limits.write_stall = 60ms;
  handler.big = 100'000;
  start();
  const Bytes hello = kClientPreface + settings({{4, 0}}) + settings_ack();
  co_await say(hello);
  co_await say(headers(1, request_fields("GET", "/big"), true));
  co_await until(kRstFrame, 1);
  EXPECT_EQ(rst_code(1), 8);
  EXPECT_LE(handler.big_read, 2048U);
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).failure, Code::ClientSlow);
}
// [T57]
TEST_F(Http2SessionEnds, AStreamThatTakesNothingOfWhatWaitsIsReset) { play(stalled_stream()); }

awaitable<void> Http2SessionEnds::quiet_stream() {
  limits.write_stall = 40ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/live"), true));
  const bool waited = co_await sleep_for(200ms);
  EXPECT_TRUE(waited);
  handler.feed.push("still here");
  handler.feed.finish();
  co_await until_ended(1);
  EXPECT_EQ(body(1), "still here");
  co_await close_and_join();
}
// [T57]
TEST_F(Http2SessionEnds, AStreamWithNothingToSayMayLive) { play(quiet_stream()); }

awaitable<void> Http2SessionEnds::deaf() {
  limits.write_stall = 60ms;
  handler.big = 1'000'000;
  start();
  const Bytes hello = kClientPreface + settings({{4, 0x7fffffff}}) + settings_ack() +
                      window_update(0, 0x7fffffff - 65535);
  co_await say(hello);
  co_await say(headers(1, request_fields("GET", "/big"), true));
  // Reads nothing at all.
  co_await tasks.join();
  EXPECT_TRUE(over);
  EXPECT_EQ(handler.log.size(), 1U);
}
TEST_F(Http2SessionEnds, AClientThatReadsNothingLosesTheConnection) { play(deaf()); }

awaitable<void> Http2SessionEnds::owner_cancels() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/never"), true) +
               headers(3, request_fields("GET", "/live"), true));
  co_await settle();
  tasks.cancel();
  co_await tasks.join();
  EXPECT_TRUE(over);
  EXPECT_EQ(handler.cancelled, 1);
  EXPECT_EQ(handler.log.size(), 2U);
}
TEST_F(Http2SessionEnds, CancellingTheOwnerEndsIt) { play(owner_cancels()); }

}  // namespace
}  // namespace bottle
