#include "proxy/upstream/h2_client.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/http/http2_session.h"
#include "tests/unit/upstream/h2_client_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// At the other end of the pipe is a session of our own with a script behind it.
class H2Clients : public H2ClientBench {
 protected:
  H2Clients() : handler(io.get_executor()) {}

  void start() {
    start_client();
    const SessionContext context{io.get_executor(), wheel, handler,  drain,
                                 session_limits,    rules, a_test(), Scheme::Https};
    session.emplace(pipe.b(), context);
    tasks.spawn(session->run());
  }

  ScriptHandler handler;
  DrainSignal drain;
  SessionLimits session_limits;
  RequestRules rules;
  std::optional<Http2Session> session;

  awaitable<void> simple();
  awaitable<void> many_at_once();
  awaitable<void> uploads();
  awaitable<void> upload_fails();
  awaitable<void> upload_of_wrong_length();
  awaitable<void> slow_response_reader();
  awaitable<void> early_answer();
  awaitable<void> with_hints();
  awaitable<void> cut();
  awaitable<void> stop_resets();
  awaitable<void> exchange_cancelled();
  awaitable<void> too_slow();
  awaitable<void> idle();
  awaitable<void> closes();
  awaitable<void> trailers();
};

awaitable<void> H2Clients::simple() {
  start();
  Result<Bytes> got = Bytes();
  co_await ask("GET", "/hello", nullptr, got);
  EXPECT_EQ(got.value(), "hello");
  EXPECT_EQ(last_head.status, 200);
  EXPECT_EQ(last_head.content_length, 5U);
  EXPECT_EQ(last_head.fields.find("x-path"), "/hello");
  EXPECT_TRUE(client->used());
  co_await ask("HEAD", "/hello", nullptr, got);
  EXPECT_EQ(got.value(), "");
  EXPECT_EQ(last_head.content_length, 5U);
  EXPECT_EQ(handler.heads.at(0).authority, "a.test");
  co_await end();
}
TEST_F(H2Clients, AsksAndReads) { play(simple()); }

awaitable<void> H2Clients::many_at_once() {
  start();
  std::vector<Result<Bytes>> got(100, Result<Bytes>(Bytes()));
  TaskGroup asks(io.get_executor());
  for (auto& one : got) asks.spawn(ask("GET", "/hello", {}, one));
  EXPECT_FALSE(client->has_capacity());
  co_await asks.join();
  for (const auto& one : got) EXPECT_EQ(one.value(), "hello");
  EXPECT_TRUE(client->has_capacity());
  co_await end();
}
TEST_F(H2Clients, ManyExchangesShareOneConnection) { play(many_at_once()); }

awaitable<void> H2Clients::uploads() {
  start();
  std::size_t read = 0;
  Result<Bytes> got = Bytes();
  co_await ask("POST", "/echo", std::make_unique<PatternSource>(3'000'000, read), got);
  EXPECT_EQ(got.value().size(), 3'000'000U);
  EXPECT_EQ(read, 3'000'000U);
  co_await end();
}
TEST_F(H2Clients, ALargeBodyGoesUpAndComesBack) { play(uploads()); }

awaitable<void> H2Clients::upload_fails() {
  start();
  LiveFeed feed(io.get_executor());
  feed.push("half");
  Result<Bytes> got = Bytes();
  TaskGroup asks(io.get_executor());
  asks.spawn(ask("POST", "/echo", std::make_unique<LiveSource>(feed), got));
  co_await settle();
  const Failure gone{Code::ClientGone, "gone"};
  feed.fail(gone);
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::ClientGone);
  co_await settle();
  EXPECT_EQ(handler.body_failure, Code::ClientGone) << "a reset, never an end";
  co_await end();
}
TEST_F(H2Clients, ABodyThatFailsNeverLooksWhole) { play(upload_fails()); }

awaitable<void> H2Clients::upload_of_wrong_length() {
  start();
  for (const std::uint64_t declared : {3U, 5U}) {
    auto x = exchange();
    Request r = request("POST", "/echo", std::make_unique<BytesSource>("four"));
    r.head.content_length = declared;
    H2Answer answer = co_await client->send(std::move(r), *x);
    EXPECT_FALSE(answer.response);
    x->tasks().cancel();
    co_await x->tasks().join();
  }
  co_await settle();
  EXPECT_EQ(handler.handled, 0) << "it was known before the head was sent";
  co_await end();
}
TEST_F(H2Clients, ABodyOfAnotherLengthThanDeclaredIsNotSentWhole) {
  play(upload_of_wrong_length());
}

awaitable<void> H2Clients::slow_response_reader() {
  handler.big = 16 * 1024 * 1024;
  start();
  auto x = exchange();
  Request r = request("GET", "/big");
  H2Answer answer = co_await client->send(std::move(r), *x);
  EXPECT_TRUE(answer.response.has_value());
  co_await settle();
  // The stream's window, the pipe, and what the session holds.
  EXPECT_LE(handler.big_read, (256U + 64 + 64 + 64 + 16) * 1024);
  // Others are not held up.
  Result<Bytes> got = Bytes();
  co_await ask("GET", "/hello", nullptr, got);
  EXPECT_EQ(got.value(), "hello");
  const auto all = co_await read_all(*answer.response->body);
  EXPECT_EQ(all.value().size(), handler.big);
  answer.response = Failure{Code::Cancelled, "done"};
  co_await end();
}
TEST_F(H2Clients, ASlowReaderStopsTheOriginAndNobodyElse) { play(slow_response_reader()); }

awaitable<void> H2Clients::early_answer() {
  start();
  LiveFeed feed(io.get_executor());
  feed.push("part");
  Result<Bytes> got = Bytes();
  co_await ask("POST", "/early", std::make_unique<LiveSource>(feed), got);
  EXPECT_EQ(got.value(), "no");
  EXPECT_TRUE(feed.stopped || feed.cancelled);
  co_await end();
}
TEST_F(H2Clients, AnAnswerBeforeTheBodyEndedIsWhole) { play(early_answer()); }

awaitable<void> H2Clients::with_hints() {
  start();
  Result<Bytes> got = Bytes();
  co_await ask("GET", "/hints", nullptr, got);
  EXPECT_EQ(got.value(), "hello");
  EXPECT_EQ(hints.statuses, std::vector<int>{103});
  co_await end();
}
TEST_F(H2Clients, InterimHeadsArePassedOn) { play(with_hints()); }

awaitable<void> H2Clients::cut() {
  start();
  handler.feed.push("some");
  handler.feed.fail(Failure{Code::UpstreamBroken, "cut"});
  Result<Bytes> got = Bytes();
  co_await ask("GET", "/live", nullptr, got);
  EXPECT_EQ(got.error().code, Code::UpstreamBroken);
  co_await ask("GET", "/hello", nullptr, got);
  EXPECT_EQ(got.value(), "hello");
  co_await end();
}
TEST_F(H2Clients, ACutBodyIsAFailureAndTheConnectionGoesOn) { play(cut()); }

awaitable<void> H2Clients::stop_resets() {
  start();
  auto x = exchange();
  Request r = request("GET", "/live");
  H2Answer answer = co_await client->send(std::move(r), *x);
  EXPECT_TRUE(answer.response.has_value());
  answer.response->body->stop(Failure{Code::ClientGone, "gone"});
  co_await settle();
  EXPECT_TRUE(handler.feed.cancelled);
  EXPECT_EQ(client->open_streams(), 0U);
  answer.response = Failure{Code::Cancelled, "done"};
  co_await end();
}
TEST_F(H2Clients, StoppingABodyResetsItsStream) { play(stop_resets()); }

awaitable<void> H2Clients::exchange_cancelled() {
  start();
  Result<Bytes> got = Bytes();
  TaskGroup asks(io.get_executor());
  asks.spawn(ask("GET", "/never", {}, got));
  co_await settle();
  EXPECT_EQ(handler.handled, 1);
  asks.cancel();
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::Cancelled);
  co_await settle();
  EXPECT_EQ(handler.cancelled, 1);
  co_await end();
}
TEST_F(H2Clients, ACancelledExchangeResetsItsStream) { play(exchange_cancelled()); }

awaitable<void> H2Clients::too_slow() {
  limits.head = 40ms;
  start();
  auto x = exchange();
  Request r = request("GET", "/never");
  H2Answer answer = co_await client->send(std::move(r), *x);
  EXPECT_EQ(answer.response.error().code, Code::UpstreamTimeout);
  EXPECT_FALSE(answer.untouched) << "the origin has the request: it is not sent a second time";
  co_await settle();
  EXPECT_EQ(handler.cancelled, 1);
  co_await end();
}
TEST_F(H2Clients, AHeadThatDoesNotComeIsATimeout) { play(too_slow()); }

awaitable<void> H2Clients::idle() {
  limits.idle = 40ms;
  start();
  Result<Bytes> got = Bytes();
  co_await ask("GET", "/hello", nullptr, got);
  co_await tasks.join();
  EXPECT_TRUE(client_over);
}
TEST_F(H2Clients, AnIdleConnectionEndsItself) { play(idle()); }

awaitable<void> H2Clients::closes() {
  start();
  auto x = exchange();
  Request r = request("GET", "/live");
  H2Answer answer = co_await client->send(std::move(r), *x);
  EXPECT_TRUE(answer.response.has_value());
  client->close();
  co_await settle();
  const auto all = co_await read_all(*answer.response->body);
  EXPECT_EQ(all.error().code, Code::Cancelled);
  EXPECT_FALSE(client_over) << "the body still refers to it";
  answer.response = Failure{Code::Cancelled, "done"};
  co_await tasks.join();
  EXPECT_TRUE(client_over);
}
TEST_F(H2Clients, RunEndsAfterTheLastBodyIsGone) { play(closes()); }

awaitable<void> H2Clients::trailers() {
  start();
  handler.feed.trailers.emplace();
  handler.feed.trailers->add("Grpc-Status", "0");
  handler.feed.push("x");
  handler.feed.finish();
  auto x = exchange();
  Request r = request("GET", "/live");
  H2Answer answer = co_await client->send(std::move(r), *x);
  std::optional<Fields> seen;
  bool ended = false;
  while (!ended) {
    auto chunk = co_await answer.response->body->read(100);
    ended = !chunk || chunk->end;
    if (chunk) seen = std::move(chunk->trailers);
  }
  EXPECT_TRUE(seen.has_value());
  if (seen) {
    EXPECT_EQ(seen->find("grpc-status"), "0");
  }
  answer.response = Failure{Code::Cancelled, "done"};
  co_await end();
}
TEST_F(H2Clients, TrailersArrive) { play(trailers()); }

}  // namespace
}  // namespace bottle
