#include "proxy/http/http2_session.h"

#include <gtest/gtest.h>

#include "tests/session/http2_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// How requests are answered.
class Http2Sessions : public Http2Bench {
 protected:
  awaitable<void> answers_many();
  awaitable<void> echoes();
  awaitable<void> refuses();
  awaitable<void> hints();
  awaitable<void> continues();
  awaitable<void> slow_reader();
  awaitable<void> live_events();
  awaitable<void> cut_body();
  awaitable<void> trailers_out();
  awaitable<void> upload_waits_for_reader();
  awaitable<void> early_answer();
  awaitable<void> conversation();
  awaitable<void> nobody_to_answer();
  awaitable<void> head_request();
  awaitable<void> bad_trailers();
  awaitable<void> canonical_target();
};

awaitable<void> Http2Sessions::answers_many() {
  start();
  co_await greet();
  Bytes all;
  for (int i = 0; i < 100; ++i) all += headers(2 * i + 1, request_fields("GET", "/hello"), true);
  co_await say(all);
  auto enough = [this] {
    for (int i = 0; i < 100; ++i) {
      if (!ended(2 * i + 1)) return false;
    }
    return true;
  };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(body(199), "hello");
  co_await close_and_join();
  EXPECT_EQ(handler.log.size(), 100U);
  for (const auto& line : handler.log) {
    EXPECT_EQ(line.status, 200);
    EXPECT_EQ(line.bytes_out, 5U);
    EXPECT_FALSE(line.failure);
  }
}
TEST_F(Http2Sessions, AHundredRequestsAtOnceAreAnswered) { play(answers_many()); }

awaitable<void> Http2Sessions::echoes() {
  start();
  co_await greet();
  const Bytes part(10'000, 'p');
  const Bytes all = headers(1, request_fields("POST", "/echo"), false) + data(1, part) +
                    data(1, part) + data(1, part, true);
  co_await say(all);
  co_await until_ended(1);
  EXPECT_EQ(body(1), Bytes(30'000, 'p'));
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).bytes_in, 30'000U);
  EXPECT_EQ(handler.log.at(0).bytes_out, 30'000U);
}
TEST_F(Http2Sessions, ARequestBodyComesWholeAndGoesBack) { play(echoes()); }

awaitable<void> Http2Sessions::refuses() {
  start();
  co_await greet();
  FieldList other = request_fields();
  other[2].second = "b.test";
  FieldList connect = {{":method", "CONNECT"}, {":authority", "a.test:443"}};
  FieldList ftp = request_fields();
  ftp[1].second = "ftp";
  FieldList many = request_fields();
  for (int i = 0; i < 100; ++i) many.emplace_back("x", "y");
  FieldList host = request_fields();
  host.emplace_back("host", "b.test");
  FieldList length = request_fields("POST");
  length.emplace_back("content-length", "003");
  co_await say(headers(1, other, true) + headers(3, connect, true) + headers(5, ftp, true));
  co_await say(headers(7, many, true) + headers(9, host, true) + headers(11, length, false));
  co_await say(headers(13, request_fields("GET", "/hello"), true));
  auto enough = [this] {
    return ended(1) && ended(3) && ended(5) && ended(7) && ended(9) && ended(11) && ended(13);
  };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(handler.handled, 1) << "only the last one is a request";
  EXPECT_EQ(body(1), "misdirected");
  co_await close_and_join();
  std::map<int, int> statuses;
  for (const auto& line : handler.log) ++statuses[line.status];
  EXPECT_EQ(statuses[421], 1);
  EXPECT_EQ(statuses[501], 1);
  EXPECT_EQ(statuses[431], 1);
  EXPECT_EQ(statuses[400], 3);
  EXPECT_EQ(statuses[200], 1);
}
// [T32]
TEST_F(Http2Sessions, BadHeadsAreAnsweredAndNeverHandled) { play(refuses()); }

awaitable<void> Http2Sessions::hints() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/hints"), true));
  co_await until_ended(1);
  EXPECT_EQ(count(kHeadersFrame), 2);
  co_await close_and_join();
}
TEST_F(Http2Sessions, EarlyHintsComeBeforeTheHead) { play(hints()); }

awaitable<void> Http2Sessions::continues() {
  start();
  co_await greet();
  FieldList fields = request_fields("POST", "/echo");
  fields.emplace_back("expect", "100-continue");
  co_await say(headers(1, fields, false));
  co_await until(kHeadersFrame, 1);
  EXPECT_FALSE(ended(1));
  co_await say(data(1, "body", true));
  co_await until_ended(1);
  EXPECT_EQ(body(1), "body");
  co_await close_and_join();
}
// [T25]
TEST_F(Http2Sessions, AnExpectedContinueIsAnsweredWhenTheBodyIsWanted) { play(continues()); }

awaitable<void> Http2Sessions::slow_reader() {
  handler.big = 64 * 1024 * 1024;
  start();
  // Windows as large as they can be: only the session's own bounds hold.
  const Bytes hello = kClientPreface + settings({{4, 0x7fffffff}}) + settings_ack() +
                      window_update(0, 0x7fffffff - 65535);
  co_await say(hello);
  co_await say(headers(1, request_fields("GET", "/big"), true));
  co_await settle();
  // 64 KiB in the pipe, 64 KiB being written, 64 KiB queued, one piece on its way.
  EXPECT_GE(handler.big_read, 64U * 1024);
  EXPECT_LE(handler.big_read, 3U * 64 * 1024 + 16 * 1024);
  co_await until_ended(1);
  EXPECT_EQ(handler.big_read, handler.big);
  EXPECT_EQ(body(1).size(), handler.big);
  co_await close_and_join();
}
TEST_F(Http2Sessions, ASlowReaderStopsUpstream) { play(slow_reader()); }

awaitable<void> Http2Sessions::live_events() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/live"), true));
  for (int i = 0; i < 5; ++i) {
    const Bytes event = "data: " + std::to_string(i) + "\n\n";
    handler.feed.push(event);
    const std::size_t want = event.size() * static_cast<std::size_t>(i + 1);
    auto enough = [this, want] { return body(1).size() >= want; };
    const bool came = co_await read_until(enough);
    EXPECT_TRUE(came) << "each event leaves by itself";
  }
  EXPECT_EQ(count(kDataFrame), 5);
  handler.feed.finish();
  co_await until_ended(1);
  co_await close_and_join();
}
TEST_F(Http2Sessions, EventsLeaveAsTheyCome) { play(live_events()); }

awaitable<void> Http2Sessions::cut_body() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/live"), true));
  handler.feed.push("some");
  handler.feed.fail(Failure{Code::UpstreamTruncated, "cut"});
  co_await until(kRstFrame, 1);
  EXPECT_EQ(body(1), "some");
  EXPECT_FALSE(ended(1));
  EXPECT_EQ(rst_code(1), 2) << "INTERNAL_ERROR";
  // The connection goes on.
  co_await say(headers(3, request_fields("GET", "/hello"), true));
  co_await until_ended(3);
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).failure, Code::UpstreamTruncated);
}
TEST_F(Http2Sessions, ACutBodyNeverLooksComplete) { play(cut_body()); }

awaitable<void> Http2Sessions::trailers_out() {
  start();
  co_await greet();
  handler.feed.trailers.emplace();
  handler.feed.trailers->add("Grpc-Status", "0");
  handler.feed.push("x");
  handler.feed.finish();
  co_await say(headers(1, request_fields("GET", "/live"), true));
  co_await until_ended(1);
  EXPECT_EQ(frames.back().type, kHeadersFrame);
  co_await close_and_join();
}
TEST_F(Http2Sessions, TrailersEndAResponse) { play(trailers_out()); }

awaitable<void> Http2Sessions::upload_waits_for_reader() {
  start();
  co_await greet();
  // The body of a request to /never is not read.
  co_await say(headers(1, request_fields("POST", "/never"), false));
  for (int i = 0; i < 16; ++i) co_await say(data(1, Bytes(16384, 'x')));
  co_await settle();
  // Another stream still works: the connection's window is larger than one stream's.
  co_await say(headers(3, request_fields("POST", "/echo"), false) + data(3, "y", true));
  co_await until_ended(3);
  EXPECT_FALSE(has(kWindowFrame, 1)) << "credit is given for what was read, not for what came";
  co_await close_and_join();
}
TEST_F(Http2Sessions, AnUnreadUploadClosesItsWindow) { play(upload_waits_for_reader()); }

awaitable<void> Http2Sessions::early_answer() {
  limits.linger = 100ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("POST", "/early"), false) + data(1, Bytes(1000, 'x')));
  co_await until_ended(1);
  co_await settle();
  EXPECT_EQ(handler.log.size(), 1U) << "the exchange does not wait for the rest";
  // A client that reads nothing before all of its request is taken: the window goes on.
  for (int i = 0; i < 15; ++i) co_await say(data(1, Bytes(16384, 'x')));
  co_await until(kWindowFrame, 1);
  EXPECT_FALSE(has(kRstFrame, 1)) << "it would overtake the answer";
  co_await until(kRstFrame, 1);
  EXPECT_EQ(rst_code(1), 0) << "NO_ERROR: the answer is complete";
  co_await close_and_join();
  EXPECT_FALSE(handler.log.at(0).failure);
}
// [T25]
TEST_F(Http2Sessions, AnAnswerBeforeTheBodyEndedIsWholeThenStopsTheUpload) { play(early_answer()); }

// gRPC in both directions: the speaker may change, with pauses of any length.
awaitable<void> Http2Sessions::conversation() {
  limits.body_stall = 40ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("POST", "/talk"), false) + data(1, "one"));
  auto first = [this] { return body(1) == "one"; };
  const bool answered = co_await read_until(first);
  EXPECT_TRUE(answered);
  const bool waited = co_await sleep_for(200ms);
  EXPECT_TRUE(waited);
  co_await say(data(1, " two", true));
  co_await until_ended(1);
  EXPECT_EQ(body(1), "one two");
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).status, 200);
  EXPECT_FALSE(handler.log.at(0).failure);
}
TEST_F(Http2Sessions, AConversationMayPause) { play(conversation()); }

awaitable<void> Http2Sessions::nobody_to_answer() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/gone"), true));
  co_await until(kRstFrame, 1);
  EXPECT_FALSE(has(kHeadersFrame, 1));
  co_await close_and_join();
}
TEST_F(Http2Sessions, AnswerWithoutStatusIsAReset) { play(nobody_to_answer()); }

awaitable<void> Http2Sessions::head_request() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("HEAD", "/hello"), true));
  co_await until_ended(1);
  EXPECT_FALSE(has(kDataFrame, 1));
  co_await close_and_join();
}
TEST_F(Http2Sessions, HeadHasNoBody) { play(head_request()); }

awaitable<void> Http2Sessions::bad_trailers() {
  start();
  co_await greet();
  const FieldList host{{"host", "b.test"}};
  const FieldList sum{{"x-sum", "1"}};
  co_await say(headers(1, request_fields("POST", "/echo"), false) + data(1, "x") +
               headers(1, host, true));
  co_await say(headers(3, request_fields("POST", "/echo"), false) + data(3, "x") +
               headers(3, sum, true));
  auto enough = [this] { return ended(1) && ended(3); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(body(1), "bad_trailer");
  EXPECT_EQ(body(3), "x");
  co_await close_and_join();
}
// The policy's routes go by it.
awaitable<void> Http2Sessions::canonical_target() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/hello{x}"), true));
  co_await until_ended(1);
  EXPECT_EQ(handler.log.at(0).target, "/hello%7Bx%7D");
  co_await close_and_join();
}
TEST_F(Http2Sessions, AnExchangesTargetIsTheCanonicalOne) { play(canonical_target()); }

// [T05]
TEST_F(Http2Sessions, RequestTrailersAreVetted) { play(bad_trailers()); }

}  // namespace
}  // namespace bottle
