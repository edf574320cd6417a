#include "proxy/http/http2_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>

#include "session/http2_script.h"
#include "support/h2_frames.h"
#include "support/memory_pipe.h"
#include "support/run_until.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

Destination destination() {
  Destination d;
  d.host = "a.test";
  d.port = 443;
  return d;
}

// A session over a pipe, and a client made of frames at its other end.
class Http2Sessions : public testing::Test {
 protected:
  Http2Sessions()
      : wheel(io.get_executor()),
        handler(io.get_executor()),
        pipe(io.get_executor(), 64 * 1024),
        tasks(io.get_executor()) {}

  void start() {
    const SessionContext context{io.get_executor(), wheel,        handler, drain, limits, rules,
                                 destination(),     Scheme::Https};
    session.emplace(pipe.b(), context);
    tasks.spawn(serve());
  }
  awaitable<void> serve() {
    co_await session->run();
    over = true;
  }
  awaitable<void> say(Bytes bytes) {
    const IoResult put = co_await pipe.a().write_all(bytes);
    static_cast<void>(put);
  }
  awaitable<void> greet() {
    const Bytes hello = kClientPreface + settings() + settings_ack();
    co_await say(hello);
  }
  // Reads frames until `enough`; false if the connection ended before.
  awaitable<bool> read_until(std::function<bool()> enough) {
    Deadline patience(wheel, pipe.a(), 5s);
    std::vector<char> buffer(16 * 1024);
    while (!enough()) {
      const IoResult got = co_await pipe.a().read_some(ByteSpan(buffer));
      if (!got.ok()) {
        timed_out = patience.fired();
        co_return enough();
      }
      rest.append(buffer.data(), got.n);
      for (auto& f : parse_frames(rest)) frames.push_back(std::move(f));
    }
    co_return true;
  }
  // Until the session closes the connection.
  awaitable<void> read_to_end() {
    auto never = [] { return false; };
    const bool ended = co_await read_until(never);
    static_cast<void>(ended);
    EXPECT_FALSE(timed_out) << "the session did not close the connection";
  }
  awaitable<void> close_and_join() {
    pipe.a().close();
    co_await tasks.join();
    EXPECT_TRUE(over);
  }
  // Lets everything that is due run.
  awaitable<void> settle() {
    for (int i = 0; i < 50; ++i) co_await asio::post(io, asio::use_awaitable);
  }

  bool has(std::uint8_t type, std::int32_t stream) const {
    return std::any_of(frames.begin(), frames.end(),
                       [&](const SeenFrame& f) { return f.type == type && f.stream == stream; });
  }
  bool ended(std::int32_t stream) const {
    return std::any_of(frames.begin(), frames.end(),
                       [&](const SeenFrame& f) { return f.stream == stream && f.ends(); });
  }
  Bytes body(std::int32_t stream) const {
    Bytes all;
    for (const auto& f : frames) {
      if (f.type == kDataFrame && f.stream == stream) all += f.payload;
    }
    return all;
  }
  std::int64_t rst_code(std::int32_t stream) const {
    for (const auto& f : frames) {
      if (f.type == kRstFrame && f.stream == stream) return f.word();
    }
    return -1;
  }
  std::int64_t goaway_code() const {
    std::int64_t code = -1;
    for (const auto& f : frames) {
      if (f.type == kGoAwayFrame) code = f.word(4);
    }
    return code;
  }
  void play(awaitable<void> body_of_test) { run_until_done(io, std::move(body_of_test)); }

  asio::io_context io{1};
  TimerWheel wheel;
  ScriptHandler handler;
  DrainSignal drain;
  SessionLimits limits;
  RequestRules rules;
  MemoryPipe pipe;
  TaskGroup tasks;
  std::optional<Http2Session> session;
  std::vector<SeenFrame> frames;
  Bytes rest;
  bool over = false;
  bool timed_out = false;

  awaitable<void> answers_many();
  awaitable<void> echoes();
  awaitable<void> refuses();
  awaitable<void> hints();
  awaitable<void> continues();
  awaitable<void> slow_reader();
  awaitable<void> live_events();
  awaitable<void> cut_body();
  awaitable<void> trailers_out();
  awaitable<void> client_resets();
  awaitable<void> client_goes();
  awaitable<void> upload_waits_for_reader();
  awaitable<void> early_answer();
  awaitable<void> floods();
  awaitable<void> drains();
  awaitable<void> drain_has_an_end();
  awaitable<void> idles();
  awaitable<void> silent();
  awaitable<void> no_settings_ack();
  awaitable<void> slow_body();
  awaitable<void> conversation();
  awaitable<void> stalled_stream();
  awaitable<void> quiet_stream();
  awaitable<void> deaf();
  awaitable<void> nobody_to_answer();
  awaitable<void> head_request();
  awaitable<void> owner_cancels();
  awaitable<void> bad_trailers();
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
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
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
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(std::count_if(frames.begin(), frames.end(),
                          [](const SeenFrame& f) { return f.type == kHeadersFrame; }),
            2);
  co_await close_and_join();
}
TEST_F(Http2Sessions, EarlyHintsComeBeforeTheHead) { play(hints()); }

awaitable<void> Http2Sessions::continues() {
  start();
  co_await greet();
  FieldList fields = request_fields("POST", "/echo");
  fields.emplace_back("expect", "100-continue");
  co_await say(headers(1, fields, false));
  auto asked = [this] { return has(kHeadersFrame, 1); };
  const bool told = co_await read_until(asked);
  EXPECT_TRUE(told);
  EXPECT_FALSE(ended(1));
  co_await say(data(1, "body", true));
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
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
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
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
  EXPECT_EQ(std::count_if(frames.begin(), frames.end(),
                          [](const SeenFrame& f) { return f.type == kDataFrame; }),
            5);
  handler.feed.finish();
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  co_await close_and_join();
}
TEST_F(Http2Sessions, EventsLeaveAsTheyCome) { play(live_events()); }

awaitable<void> Http2Sessions::cut_body() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/live"), true));
  handler.feed.push("some");
  handler.feed.fail(Failure{Code::UpstreamTruncated, "cut"});
  auto enough = [this] { return has(kRstFrame, 1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(body(1), "some");
  EXPECT_FALSE(ended(1));
  EXPECT_EQ(rst_code(1), 2) << "INTERNAL_ERROR";
  // The connection goes on.
  co_await say(headers(3, request_fields("GET", "/hello"), true));
  auto next = [this] { return ended(3); };
  const bool more = co_await read_until(next);
  EXPECT_TRUE(more);
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
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(frames.back().type, kHeadersFrame);
  co_await close_and_join();
}
TEST_F(Http2Sessions, TrailersEndAResponse) { play(trailers_out()); }

awaitable<void> Http2Sessions::client_resets() {
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
TEST_F(Http2Sessions, AResetCancelsTheExchange) { play(client_resets()); }

awaitable<void> Http2Sessions::client_goes() {
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
TEST_F(Http2Sessions, AClientThatGoesCancelsEverything) { play(client_goes()); }

awaitable<void> Http2Sessions::upload_waits_for_reader() {
  start();
  co_await greet();
  // The body of a request to /never is not read.
  co_await say(headers(1, request_fields("POST", "/never"), false));
  for (int i = 0; i < 16; ++i) co_await say(data(1, Bytes(16384, 'x')));
  co_await settle();
  // Another stream still works: the connection's window is larger than one stream's.
  co_await say(headers(3, request_fields("POST", "/echo"), false) + data(3, "y", true));
  auto enough = [this] { return ended(3); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_FALSE(has(kWindowFrame, 1)) << "credit is given for what was read, not for what came";
  co_await close_and_join();
}
TEST_F(Http2Sessions, AnUnreadUploadClosesItsWindow) { play(upload_waits_for_reader()); }

awaitable<void> Http2Sessions::early_answer() {
  limits.linger = 100ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("POST", "/early"), false) + data(1, Bytes(1000, 'x')));
  auto answered = [this] { return ended(1); };
  const bool done = co_await read_until(answered);
  EXPECT_TRUE(done);
  co_await settle();
  EXPECT_EQ(handler.log.size(), 1U) << "the exchange does not wait for the rest";
  // A client that reads nothing before all of its request is taken: the window goes on.
  for (int i = 0; i < 15; ++i) co_await say(data(1, Bytes(16384, 'x')));
  auto credited = [this] { return has(kWindowFrame, 1); };
  const bool more = co_await read_until(credited);
  EXPECT_TRUE(more);
  EXPECT_FALSE(has(kRstFrame, 1)) << "it would overtake the answer";
  auto reset = [this] { return has(kRstFrame, 1); };
  const bool late = co_await read_until(reset);
  EXPECT_TRUE(late);
  EXPECT_EQ(rst_code(1), 0) << "NO_ERROR: the answer is complete";
  co_await close_and_join();
  EXPECT_FALSE(handler.log.at(0).failure);
}
// [T25]
TEST_F(Http2Sessions, AnAnswerBeforeTheBodyEndedIsWholeThenStopsTheUpload) { play(early_answer()); }

awaitable<void> Http2Sessions::floods() {
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
TEST_F(Http2Sessions, AFloodEndsTheConnectionCalmly) { play(floods()); }

awaitable<void> Http2Sessions::drains() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/live"), true));
  co_await settle();
  drain.begin();
  auto notified = [this] { return has(kGoAwayFrame, 0); };
  const bool notice = co_await read_until(notified);
  EXPECT_TRUE(notice);
  // A request that was on its way is still taken.
  co_await say(headers(3, request_fields("GET", "/hello"), true));
  auto answered = [this] { return ended(3); };
  const bool late = co_await read_until(answered);
  EXPECT_TRUE(late);
  handler.feed.push("last");
  handler.feed.finish();
  co_await read_to_end();
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(body(1), "last");
  EXPECT_EQ(std::count_if(frames.begin(), frames.end(),
                          [](const SeenFrame& f) { return f.type == kGoAwayFrame; }),
            2);
  co_await close_and_join();
}
TEST_F(Http2Sessions, ADrainFinishesWhatWasBegun) { play(drains()); }

awaitable<void> Http2Sessions::drain_has_an_end() {
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
TEST_F(Http2Sessions, ADrainDoesNotWaitForEver) { play(drain_has_an_end()); }

awaitable<void> Http2Sessions::idles() {
  limits.idle = 40ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/hello"), true));
  co_await read_to_end();
  EXPECT_TRUE(ended(1));
  EXPECT_EQ(goaway_code(), 0);
  co_await close_and_join();
}
TEST_F(Http2Sessions, AnIdleConnectionIsClosedInOrder) { play(idles()); }

awaitable<void> Http2Sessions::silent() {
  limits.first_byte = 40ms;
  start();
  co_await read_to_end();
  co_await close_and_join();
}
TEST_F(Http2Sessions, AClientThatSaysNothingIsLetGo) { play(silent()); }

awaitable<void> Http2Sessions::no_settings_ack() {
  limits.settings_ack = 40ms;
  start();
  co_await say(kClientPreface + settings() + headers(1, request_fields("GET", "/never"), true));
  co_await read_to_end();
  EXPECT_EQ(goaway_code(), 4) << "SETTINGS_TIMEOUT";
  co_await close_and_join();
  EXPECT_EQ(handler.cancelled, 1);
}
TEST_F(Http2Sessions, SettingsMustBeAcknowledged) { play(no_settings_ack()); }

awaitable<void> Http2Sessions::slow_body() {
  limits.body_stall = 40ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("POST", "/echo"), false) + data(1, "x"));
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(body(1), "client_slow");
  EXPECT_EQ(handler.body_failure, Code::ClientSlow);
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).status, 408);
}
// [T56]
TEST_F(Http2Sessions, ABodyThatStopsComingIsA408) { play(slow_body()); }

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
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(body(1), "one two");
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).status, 200);
  EXPECT_FALSE(handler.log.at(0).failure);
}
TEST_F(Http2Sessions, AConversationMayPause) { play(conversation()); }

awaitable<void> Http2Sessions::stalled_stream() {
  limits.write_stall = 60ms;
  handler.big = 100'000;
  start();
  const Bytes hello = kClientPreface + settings({{4, 0}}) + settings_ack();
  co_await say(hello);
  co_await say(headers(1, request_fields("GET", "/big"), true));
  auto enough = [this] { return has(kRstFrame, 1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(rst_code(1), 8);
  EXPECT_LE(handler.big_read, 2048U);
  co_await close_and_join();
  EXPECT_EQ(handler.log.at(0).failure, Code::ClientSlow);
}
// [T57]
TEST_F(Http2Sessions, AStreamThatTakesNothingOfWhatWaitsIsReset) { play(stalled_stream()); }

awaitable<void> Http2Sessions::quiet_stream() {
  limits.write_stall = 40ms;
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/live"), true));
  const bool waited = co_await sleep_for(200ms);
  EXPECT_TRUE(waited);
  handler.feed.push("still here");
  handler.feed.finish();
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_EQ(body(1), "still here");
  co_await close_and_join();
}
// [T57]
TEST_F(Http2Sessions, AStreamWithNothingToSayMayLive) { play(quiet_stream()); }

awaitable<void> Http2Sessions::deaf() {
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
TEST_F(Http2Sessions, AClientThatReadsNothingLosesTheConnection) { play(deaf()); }

awaitable<void> Http2Sessions::nobody_to_answer() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("GET", "/gone"), true));
  auto enough = [this] { return has(kRstFrame, 1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_FALSE(has(kHeadersFrame, 1));
  co_await close_and_join();
}
TEST_F(Http2Sessions, AnswerWithoutStatusIsAReset) { play(nobody_to_answer()); }

awaitable<void> Http2Sessions::head_request() {
  start();
  co_await greet();
  co_await say(headers(1, request_fields("HEAD", "/hello"), true));
  auto enough = [this] { return ended(1); };
  const bool done = co_await read_until(enough);
  EXPECT_TRUE(done);
  EXPECT_FALSE(has(kDataFrame, 1));
  co_await close_and_join();
}
TEST_F(Http2Sessions, HeadHasNoBody) { play(head_request()); }

awaitable<void> Http2Sessions::owner_cancels() {
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
TEST_F(Http2Sessions, CancellingTheOwnerEndsIt) { play(owner_cancels()); }

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
// [T05]
TEST_F(Http2Sessions, RequestTrailersAreVettedAndDropped) { play(bad_trailers()); }

}  // namespace
}  // namespace bottle
