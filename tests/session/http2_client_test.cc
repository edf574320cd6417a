#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "proxy/http/http2_session.h"
#include "proxy/upstream/h2_client.h"
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

class Hints final : public InterimSink {
 public:
  void interim(const ResponseHead& head) override { statuses.push_back(head.status); }
  std::vector<int> statuses;
};

Request request(std::string method, std::string target, std::unique_ptr<BodySource> body = {}) {
  Request r;
  r.head.version = Version::Http2;
  r.head.method = std::move(method);
  r.head.authority = "a.test";
  r.head.target = std::move(target);
  r.head.has_body = body != nullptr;
  r.body = std::move(body);
  return r;
}

// H2Client at one end of a pipe; at the other our own session with a script behind it, or frames.
class H2Clients : public testing::Test {
 protected:
  H2Clients()
      : wheel(io.get_executor()),
        handler(io.get_executor()),
        pipe(io.get_executor(), 64 * 1024),
        tasks(io.get_executor()) {}

  void start(bool with_session) {
    client.emplace(pipe.take_a(), io.get_executor(), wheel, limits);
    tasks.spawn(client_life());
    if (!with_session) return;
    const SessionContext context{io.get_executor(), wheel, handler,       drain,
                                 session_limits,    rules, destination(), Scheme::Https};
    session.emplace(pipe.b(), context);
    tasks.spawn(session->run());
  }
  awaitable<void> client_life() {
    co_await client->run();
    client_over = true;
  }
  std::unique_ptr<Exchange> exchange() {
    return std::make_unique<Exchange>(io.get_executor(), wheel, "x", destination(), Scheme::Https,
                                      Version::Http2, &hints);
  }
  // One request, whole.
  awaitable<void> ask(std::string method, std::string target, std::unique_ptr<BodySource> body,
                      Result<Bytes>& into) {
    auto x = exchange();
    Request r = request(std::move(method), std::move(target), std::move(body));
    H2Answer answer = co_await client->send(std::move(r), *x);
    if (!answer.response) {
      into = answer.response.error();
    } else {
      last_head = answer.response->head;
      if (answer.response->body) {
        into = co_await read_all(*answer.response->body);
      } else {
        into = Bytes();
      }
    }
    answer.response = Failure{Code::Cancelled, "done with it"};
    x->tasks().cancel();
    co_await x->tasks().join();
  }
  awaitable<void> end() {
    client->drain();
    co_await tasks.join();
    EXPECT_TRUE(client_over);
  }
  awaitable<void> settle() {
    for (int i = 0; i < 50; ++i) co_await asio::post(io, asio::use_awaitable);
  }
  // The other end, by hand.
  awaitable<void> say(Bytes bytes) {
    const IoResult put = co_await pipe.b().write_all(bytes);
    static_cast<void>(put);
  }
  awaitable<void> say_later(Bytes bytes) {
    co_await settle();
    co_await say(std::move(bytes));
  }
  // Until the origin has seen so many requests.
  awaitable<void> hear(int requests = 1) {
    std::vector<char> buffer(64 * 1024);
    Deadline patience(wheel, pipe.b(), 5s);
    while (requests > requests_seen) {
      const IoResult got = co_await pipe.b().read_some(ByteSpan(buffer));
      if (!got.ok()) break;
      heard.append(buffer.data(), got.n);
      if (!greeted && heard.size() >= kClientPreface.size()) {
        heard.erase(0, kClientPreface.size());
        greeted = true;
      }
      if (!greeted) continue;
      for (const auto& f : parse_frames(heard)) requests_seen += f.type == kHeadersFrame ? 1 : 0;
    }
    EXPECT_GE(requests_seen, requests);
  }
  void play(awaitable<void> body_of_test) { run_until_done(io, std::move(body_of_test)); }

  asio::io_context io{1};
  TimerWheel wheel;
  ScriptHandler handler;
  DrainSignal drain;
  SessionLimits session_limits;
  RequestRules rules;
  H2ClientLimits limits;
  Hints hints;
  MemoryPipe pipe;
  TaskGroup tasks;
  std::optional<H2Client> client;
  std::optional<Http2Session> session;
  ResponseHead last_head;
  Bytes heard;
  bool greeted = false;
  int requests_seen = 0;
  bool client_over = false;

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
  awaitable<void> origin_dies();
  awaitable<void> origin_dies_in_body();
  awaitable<void> refused();
  awaitable<void> went_away();
  awaitable<void> too_slow();
  awaitable<void> idle();
  awaitable<void> full();
  awaitable<void> hostile();
  awaitable<void> closes();
  awaitable<void> trailers();
  awaitable<void> body_without_bytes();
  awaitable<void> trailers_without_bytes();
  awaitable<void> head_without_end();
};

awaitable<void> H2Clients::simple() {
  start(true);
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
  start(true);
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
  start(true);
  std::size_t read = 0;
  Result<Bytes> got = Bytes();
  co_await ask("POST", "/echo", std::make_unique<PatternSource>(3'000'000, read), got);
  EXPECT_EQ(got.value().size(), 3'000'000U);
  EXPECT_EQ(read, 3'000'000U);
  co_await end();
}
TEST_F(H2Clients, ALargeBodyGoesUpAndComesBack) { play(uploads()); }

awaitable<void> H2Clients::upload_fails() {
  start(true);
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
  start(true);
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
  start(true);
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
  start(true);
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
  start(true);
  Result<Bytes> got = Bytes();
  co_await ask("GET", "/hints", nullptr, got);
  EXPECT_EQ(got.value(), "hello");
  EXPECT_EQ(hints.statuses, std::vector<int>{103});
  co_await end();
}
TEST_F(H2Clients, InterimHeadsArePassedOn) { play(with_hints()); }

awaitable<void> H2Clients::cut() {
  start(true);
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
  start(true);
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
  start(true);
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

awaitable<void> H2Clients::origin_dies() {
  start(false);
  co_await say(settings());
  auto x = exchange();
  Result<Bytes> got = Bytes();
  TaskGroup asks(io.get_executor());
  asks.spawn(ask("GET", "/", {}, got));
  co_await hear();
  pipe.b().close();
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::UpstreamBroken);
  co_await tasks.join();
  EXPECT_TRUE(client_over);
  EXPECT_FALSE(client->has_capacity());
}
TEST_F(H2Clients, AnOriginThatDiesBreaksEveryExchange) { play(origin_dies()); }

awaitable<void> H2Clients::origin_dies_in_body() {
  start(false);
  co_await say(settings());
  Result<Bytes> got = Bytes();
  TaskGroup asks(io.get_executor());
  asks.spawn(ask("GET", "/", {}, got));
  co_await hear();
  const FieldList ok{{":status", "200"}};
  co_await say(headers(1, ok, false) + data(1, "some"));
  co_await settle();
  pipe.b().close();
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::UpstreamTruncated);
  co_await tasks.join();
}
TEST_F(H2Clients, AnEndWithinABodyIsATruncation) { play(origin_dies_in_body()); }

awaitable<void> H2Clients::refused() {
  start(false);
  co_await say(settings());
  auto x = exchange();
  Request r = request("GET", "/");
  TaskGroup origin(io.get_executor());
  origin.spawn(say_later(rst(1, 7)));
  H2Answer answer = co_await client->send(std::move(r), *x);
  EXPECT_FALSE(answer.response);
  EXPECT_TRUE(answer.untouched);
  EXPECT_TRUE(answer.unprocessed);
  EXPECT_TRUE(answer.body_untouched);
  co_await origin.join();
  pipe.b().close();
  co_await tasks.join();
}
TEST_F(H2Clients, ARefusedStreamMayBeTriedElsewhere) { play(refused()); }

awaitable<void> H2Clients::went_away() {
  start(false);
  co_await say(settings());
  Result<Bytes> first = Bytes();
  Result<Bytes> second = Bytes();
  TaskGroup asks(io.get_executor());
  asks.spawn(ask("GET", "/", {}, first));
  asks.spawn(ask("GET", "/", {}, second));
  co_await hear(2);
  co_await say(goaway(1));
  co_await settle();
  EXPECT_EQ(second.error().code, Code::UpstreamBroken);
  EXPECT_FALSE(client->has_capacity());
  const FieldList ok{{":status", "200"}};
  co_await say(headers(1, ok, false) + data(1, "ok", true));
  co_await asks.join();
  EXPECT_EQ(first.value(), "ok");
  co_await tasks.join();
  EXPECT_TRUE(client_over) << "nothing is left to wait for";
}
TEST_F(H2Clients, GoawayLetsTheRestFinishThenEnds) { play(went_away()); }

awaitable<void> H2Clients::too_slow() {
  limits.head = 40ms;
  start(true);
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
  start(true);
  Result<Bytes> got = Bytes();
  co_await ask("GET", "/hello", nullptr, got);
  co_await tasks.join();
  EXPECT_TRUE(client_over);
}
TEST_F(H2Clients, AnIdleConnectionEndsItself) { play(idle()); }

awaitable<void> H2Clients::full() {
  start(false);
  const Bytes one_stream = settings({{3, 1}});
  co_await say(one_stream);
  co_await settle();
  Result<Bytes> got = Bytes();
  TaskGroup asks(io.get_executor());
  asks.spawn(ask("GET", "/", {}, got));
  EXPECT_FALSE(client->has_capacity());
  auto x = exchange();
  Request r = request("GET", "/");
  H2Answer answer = co_await client->send(std::move(r), *x);
  EXPECT_EQ(answer.response.error().code, Code::Overloaded);
  EXPECT_TRUE(answer.unprocessed);
  client->close();
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::Cancelled);
  co_await tasks.join();
}
TEST_F(H2Clients, ThePeersLimitOfStreamsHolds) { play(full()); }

awaitable<void> H2Clients::hostile() {
  start(false);
  co_await say(settings());
  Result<Bytes> got = Bytes();
  TaskGroup asks(io.get_executor());
  asks.spawn(ask("GET", "/", {}, got));
  co_await hear();
  Bytes flood;
  for (int i = 0; i < 500; ++i) flood += ping();
  co_await say(flood);
  co_await asks.join();
  EXPECT_EQ(got.error().code, Code::UpstreamBroken);
  pipe.b().close();
  co_await tasks.join();
}
// [T54]
TEST_F(H2Clients, AnOriginThatFloodsIsLeft) { play(hostile()); }

awaitable<void> H2Clients::closes() {
  start(true);
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
  start(true);
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

// The writer of an answer for an h1 client goes by has_body: with it but without a source, the last
// chunk would never be written.
awaitable<void> H2Clients::body_without_bytes() {
  start(false);
  co_await say(settings());
  auto x = exchange();
  Request r = request("GET", "/");
  TaskGroup origin(io.get_executor());
  const FieldList ok{{":status", "200"}};
  origin.spawn(say_later(headers(1, ok, false) + data(1, "", true)));
  H2Answer answer = co_await client->send(std::move(r), *x);
  co_await origin.join();
  EXPECT_TRUE(answer.response);
  if (answer.response) {
    EXPECT_FALSE(answer.response->head.has_body);
    EXPECT_EQ(answer.response->body, nullptr);
  }
  co_await end();
}
TEST_F(H2Clients, ABodyWithoutAByteIsNone) { play(body_without_bytes()); }

awaitable<void> H2Clients::trailers_without_bytes() {
  start(false);
  co_await say(settings());
  auto x = exchange();
  Request r = request("GET", "/");
  TaskGroup origin(io.get_executor());
  const FieldList ok{{":status", "200"}};
  const FieldList status{{"grpc-status", "5"}};
  origin.spawn(say_later(headers(1, ok, false) + headers(1, status, true)));
  H2Answer answer = co_await client->send(std::move(r), *x);
  co_await origin.join();
  const bool has_source = answer.response && answer.response->body != nullptr;
  EXPECT_TRUE(has_source) << "the trailers need somebody to bring them";
  if (has_source) {
    auto chunk = co_await answer.response->body->read(100);
    EXPECT_TRUE(chunk && chunk->end && chunk->trailers.has_value());
  }
  answer.response = Failure{Code::Cancelled, "done"};
  co_await end();
}
TEST_F(H2Clients, TrailersArriveWithoutABodyToo) { play(trailers_without_bytes()); }

awaitable<void> H2Clients::head_without_end() {
  start(false);
  co_await say(settings());
  auto x = exchange();
  Request r = request("HEAD", "/");
  TaskGroup origin(io.get_executor());
  const FieldList ok{{":status", "200"}, {"content-length", "50"}};
  origin.spawn(say_later(headers(1, ok, false)));
  H2Answer answer = co_await client->send(std::move(r), *x);
  co_await origin.join();
  EXPECT_TRUE(answer.response);
  if (answer.response) {
    EXPECT_EQ(answer.response->head.content_length, 50U);
    EXPECT_FALSE(answer.response->head.has_body);
    EXPECT_EQ(answer.response->body, nullptr);
  }
  co_await end();
}
TEST_F(H2Clients, TheAnswerToHeadHasNoBodyWhateverTheOriginSays) { play(head_without_end()); }

}  // namespace
}  // namespace bottle
