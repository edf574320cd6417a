// Tunnels (RFC 6455, RFC 8441) over all four bridges: a client half of ours, a session, an origin
// half, and a session that is the origin.
#include <gtest/gtest.h>

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/http/http1_session.h"
#include "proxy/http/http2_session.h"
#include "proxy/upstream/origin_upstream.h"
#include "tests/support/memory_pipe.h"
#include "tests/support/run_until.h"
#include "tests/support/script_handler.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// The server at one end of a hop.
enum class Speaks : std::uint8_t { H1, H2, H2WithoutTunnels };

struct World {
  asio::io_context io{1};
  TimerWheel wheel{io.get_executor()};
  TaskGroup sessions{io.get_executor()};
  std::list<MemoryPipe> pipes;
  std::list<std::unique_ptr<ByteStream>> ends;
  DrainSignal drain;
  SessionLimits limits;
  RequestRules rules;
};

// Connects to sessions in memory, which `handler` serves.
class Hop final : public Dialer {
 public:
  Hop(World& world, Speaks speaks, Handler& handler)
      : world_(world), speaks_(speaks), handler_(handler) {}

  awaitable<Result<Connection>> dial(const Destination&, Scheme, std::uint64_t) override {
    co_return connect(speaks_);
  }
  awaitable<Result<Connection>> dial_http1(const Destination&, Scheme, std::uint64_t) override {
    if (speaks_ == Speaks::H1) co_return connect(speaks_);
    co_return Failure{Code::UpstreamTlsFailed, "no such protocol", problem_code::kTlsAlert};
  }

  int dials = 0;
  ByteStream* server = nullptr;  // of the last connection

 private:
  Connection connect(Speaks speaks) {
    ++dials;
    MemoryPipe& pipe = world_.pipes.emplace_back(world_.io.get_executor());
    server = world_.ends.emplace_back(pipe.take_b()).get();
    world_.sessions.spawn(serve(*server, speaks));
    Connection connection;
    connection.stream = pipe.take_a();
    connection.protocol = speaks == Speaks::H1 ? Version::Http11 : Version::Http2;
    return connection;
  }
  awaitable<void> serve(ByteStream& stream, Speaks speaks) {
    SessionContext context{world_.io.get_executor(),
                           world_.wheel,
                           handler_,
                           world_.drain,
                           world_.limits,
                           world_.rules,
                           a_test(),
                           Scheme::Https};
    context.offers_websockets = speaks == Speaks::H2;
    if (speaks == Speaks::H1) {
      Http1Session session(stream, context, Http1Session::Arrival::Tunnel);
      const Http1End end = co_await session.run(Bytes());
      if (!end.reset) stream.close();
    } else {
      Http2Session session(stream, context);
      co_await session.run();
    }
    stream.close();
  }

  World& world_;
  const Speaks speaks_;
  Handler& handler_;
};

class Base : public Handler {
 public:
  std::string next_id() override { return "x"; }
  Response refuse(const Failure& failure, Exchange&) override {
    last_failure = failure;
    Response response;
    response.head.status = traits(failure.code).status;
    return response;
  }
  void finished(const Exchange& exchange) noexcept override {
    ++ended;
    failure_at_end = exchange.trace.failure;
  }

  int ended = 0;
  std::optional<Failure> last_failure;
  std::optional<Failure> failure_at_end;
};

// Answers with what it hears, or refuses.
class EchoOrigin final : public Base {
 public:
  awaitable<Response> handle(Request request, Exchange&) override {
    asked = request.head;
    Response response;
    if (status != 101) {
      if (request.body) request.body->stop(Failure{Code::Cancelled, "refused"});
      response.head.status = status;
      response.head.has_body = true;
      response.body = std::make_unique<BytesSource>(Bytes("no"));
      co_return response;
    }
    response.head.status = 101;
    response.head.has_body = true;
    response.head.fields.add("Sec-WebSocket-Protocol", "echo");
    response.body = std::move(request.body);
    co_return response;
  }

  int status = 101;
  RequestHead asked;
};

// Passes on, as the proxy does.
class Middle final : public Base {
 public:
  void set(Upstream& upstream) { upstream_ = &upstream; }
  awaitable<Response> handle(Request request, Exchange& exchange) override {
    auto sent = co_await upstream_->send(std::move(request), exchange, passages_.emplace_back());
    if (!sent) co_return refuse(sent.error(), exchange);
    co_return std::move(*sent);
  }

 private:
  Upstream* upstream_ = nullptr;
  std::list<Passage> passages_;
};

struct Bridge {
  Speaks client;
  Speaks origin;
};
void PrintTo(const Bridge& bridge, std::ostream* out) {
  const auto word = [](Speaks speaks) { return speaks == Speaks::H1 ? "h1" : "h2"; };
  *out << word(bridge.client) << "To" << word(bridge.origin);
}

class Tunnels : public testing::TestWithParam<Bridge> {
 protected:
  void make(Speaks client, Speaks origin) {
    H1ClientLimits h1;
    H2ClientLimits h2;
    h1.tunnel_idle = h2.tunnel_idle = idle;
    middle.emplace();
    to_origin.emplace(world, origin, echo);
    pools.emplace_back(world.wheel, PoolLimits());
    out.emplace(world.io.get_executor(), world.wheel, *to_origin, pools.back(), h1, h2);
    middle->set(*out);
    to_proxy.emplace(world, client, *middle);
    pools.emplace_back(world.wheel, PoolLimits());
    in.emplace(world.io.get_executor(), world.wheel, *to_proxy, pools.back());
  }
  void TearDown() override {
    run_until_done(world.io, close_all());
    in.reset();
    out.reset();
  }
  awaitable<void> close_all() {
    client_exchange.tasks().cancel();
    co_await client_exchange.tasks().join();
    if (in) co_await in->close();
    world.sessions.cancel();
    co_await world.sessions.join();
    if (out) co_await out->close();
  }
  void play(awaitable<void> body) { run_until_done(world.io, std::move(body)); }

  awaitable<Result<Response>> ask() { return ask(client_exchange, feed, passage); }
  awaitable<Result<Response>> ask(Exchange& exchange, LiveFeed& from, Passage& by) {
    Request request;
    request.head.method = "GET";
    request.head.protocol = "websocket";
    request.head.authority = "a.test";
    request.head.target = "/chat?x=1";
    request.head.fields.add("X-Mine", "yes");
    request.head.fields.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    request.head.has_body = true;
    request.body = std::make_unique<LiveSource>(from);
    auto sent = co_await in->send(std::move(request), exchange, by);
    co_return sent;
  }
  // The next bytes, until so many are there.
  awaitable<Bytes> hear(BodySource& body, std::size_t bytes) {
    Bytes all;
    while (all.size() < bytes) {
      auto chunk = co_await body.read(1024);
      if (!chunk) co_return all + "!" + chunk.error().detail;
      all += chunk->data;
      if (chunk->end) co_return all + "$";
    }
    co_return all;
  }

  awaitable<void> talks();
  awaitable<void> many_at_once();
  awaitable<void> opens(int& opened);
  awaitable<void> breaks();
  awaitable<void> client_breaks();
  awaitable<void> is_refused();
  awaitable<void> is_idle();
  awaitable<void> many_bytes();

  std::chrono::milliseconds idle{60'000};
  World world;
  EchoOrigin echo;
  std::optional<Middle> middle;
  std::list<Pool> pools;
  std::optional<Hop> to_origin;
  std::optional<Hop> to_proxy;
  std::optional<OriginUpstream> out;
  std::optional<OriginUpstream> in;
  LiveFeed feed{world.io.get_executor()};
  Exchange client_exchange{world.io.get_executor(), world.wheel,     "c",    a_test(),
                           Scheme::Https,           Version::Http11, nullptr};
  Passage passage;
};

awaitable<void> Tunnels::talks() {
  auto sent = co_await ask();
  EXPECT_TRUE(sent) << sent.error().detail;
  if (!sent) co_return;
  EXPECT_EQ(sent->head.status, 101);
  EXPECT_EQ(sent->head.fields.find("sec-websocket-protocol"), "echo");
  EXPECT_EQ(echo.asked.protocol, "websocket");
  EXPECT_EQ(echo.asked.method, "GET");
  EXPECT_EQ(echo.asked.target, "/chat?x=1");
  EXPECT_EQ(echo.asked.fields.find("x-mine"), "yes");
  EXPECT_FALSE(echo.asked.fields.has("upgrade"));
  const bool h1 = GetParam().client == Speaks::H1 && GetParam().origin == Speaks::H1;
  EXPECT_EQ(echo.asked.fields.has("sec-websocket-key"), h1) << "RFC 8441 section 5 has none";
  for (const char* word : {"hello", "world"}) {
    feed.push(word);
    const Bytes heard = co_await hear(*sent->body, 5);
    EXPECT_EQ(heard, word);
  }
  feed.push("last");
  feed.finish();
  const Bytes heard = co_await hear(*sent->body, 100);
  EXPECT_EQ(heard, "last$") << "the end of one direction goes through";
}
TEST_P(Tunnels, CarryBothDirectionsAndTheirEnds) {
  make(GetParam().client, GetParam().origin);
  play(talks());
  EXPECT_FALSE(middle->failure_at_end);
}

awaitable<void> Tunnels::opens(int& opened) {
  LiveFeed own_feed{world.io.get_executor()};
  Passage own_passage;
  Exchange exchange{world.io.get_executor(), world.wheel,     "c",    a_test(),
                    Scheme::Https,           Version::Http11, nullptr};
  auto sent = co_await ask(exchange, own_feed, own_passage);
  if (sent && sent->head.status == 101) ++opened;
  if (sent && sent->body) sent->body->stop(Failure{Code::Cancelled, "enough"});
  exchange.tasks().cancel();
  co_await exchange.tasks().join();
}

awaitable<void> Tunnels::many_at_once() {
  TaskGroup all(world.io.get_executor());
  int opened = 0;
  for (int i = 0; i < 5; ++i) all.spawn(opens(opened));
  co_await all.join();
  EXPECT_EQ(opened, 5);
}
TEST_P(Tunnels, OpenManyAtOnceOverANewConnection) {
  make(GetParam().client, GetParam().origin);
  play(many_at_once());
}

awaitable<void> Tunnels::many_bytes() {
  auto sent = co_await ask();
  EXPECT_TRUE(sent);
  if (!sent) co_return;
  constexpr std::size_t kMuch = std::size_t{3} << 20;
  for (int i = 0; i < 3; ++i) feed.push(Bytes(std::size_t{1} << 20, static_cast<char>('a' + i)));
  const Bytes heard = co_await hear(*sent->body, kMuch);
  EXPECT_EQ(heard.size(), kMuch);
  EXPECT_EQ(heard.back(), 'c');
  sent->body->stop(Failure{Code::Cancelled, "enough"});
}
TEST_P(Tunnels, CarryMoreThanEveryWindow) {
  make(GetParam().client, GetParam().origin);
  play(many_bytes());
}

awaitable<void> Tunnels::breaks() {
  auto sent = co_await ask();
  EXPECT_TRUE(sent);
  if (!sent) co_return;
  feed.push("hello");
  const Bytes heard = co_await hear(*sent->body, 5);
  EXPECT_EQ(heard, "hello");
  to_origin->server->close();
  const Bytes rest = co_await hear(*sent->body, 5);
  EXPECT_TRUE(rest.starts_with("!")) << rest << ": a cut never looks like an end";
}
TEST_P(Tunnels, ABrokenOriginIsACut) {
  make(GetParam().client, GetParam().origin);
  play(breaks());
  ASSERT_TRUE(middle->failure_at_end);
}

awaitable<void> Tunnels::client_breaks() {
  auto sent = co_await ask();
  EXPECT_TRUE(sent);
  if (!sent) co_return;
  feed.fail(Failure{Code::ClientGone, "gone"});
  const Bytes rest = co_await hear(*sent->body, 5);
  EXPECT_TRUE(rest.starts_with("!")) << rest;
  while (echo.ended == 0) co_await asio::post(world.io, asio::use_awaitable);
}
TEST_P(Tunnels, ABrokenClientEndsTheOriginsHalf) {
  make(GetParam().client, GetParam().origin);
  play(client_breaks());
  EXPECT_TRUE(echo.failure_at_end);
}

awaitable<void> Tunnels::is_refused() {
  auto sent = co_await ask();
  EXPECT_TRUE(sent) << sent.error().detail;
  if (!sent) co_return;
  EXPECT_EQ(sent->head.status, 403);
  const Bytes heard = co_await hear(*sent->body, 100);
  EXPECT_EQ(heard, "no$");
}
TEST_P(Tunnels, AnOriginMayRefuse) {
  echo.status = 403;
  make(GetParam().client, GetParam().origin);
  play(is_refused());
}

awaitable<void> Tunnels::is_idle() {
  auto sent = co_await ask();
  EXPECT_TRUE(sent);
  if (!sent) co_return;
  for (int i = 0; i < 5; ++i) {
    feed.push("x");
    const Bytes heard = co_await hear(*sent->body, 1);
    EXPECT_EQ(heard, "x");
    const bool slept = co_await sleep_for(60ms);
    EXPECT_TRUE(slept);
  }
  const Bytes rest = co_await hear(*sent->body, 1);
  EXPECT_TRUE(rest.starts_with("!")) << rest;
}
TEST_P(Tunnels, OnesInWhichNobodyTalksEnd) {
  idle = 150ms;
  make(GetParam().client, GetParam().origin);
  play(is_idle());
  ASSERT_TRUE(middle->failure_at_end);
  EXPECT_EQ(middle->failure_at_end->code, Code::UpstreamTimeout);
}

INSTANTIATE_TEST_SUITE_P(All, Tunnels,
                         testing::Values(Bridge{Speaks::H1, Speaks::H1},
                                         Bridge{Speaks::H1, Speaks::H2},
                                         Bridge{Speaks::H2, Speaks::H1},
                                         Bridge{Speaks::H2, Speaks::H2}),
                         testing::PrintToStringParamName());

class TunnelsWithoutAWay : public Tunnels {};

awaitable<void> expect_no_way(awaitable<Result<Response>> asked, int& status) {
  auto sent = co_await std::move(asked);
  EXPECT_TRUE(sent) << sent.error().detail;
  if (sent) status = sent->head.status;
}
TEST_P(TunnelsWithoutAWay, AreRefusedWithAReason) {
  make(Speaks::H1, Speaks::H2WithoutTunnels);
  int status = 0;
  play(expect_no_way(ask(), status));
  EXPECT_EQ(status, 426);
  ASSERT_TRUE(middle->last_failure);
  EXPECT_EQ(middle->last_failure->code, Code::UpgradeRefused);
}
INSTANTIATE_TEST_SUITE_P(One, TunnelsWithoutAWay,
                         testing::Values(Bridge{Speaks::H1, Speaks::H2WithoutTunnels}));

}  // namespace
}  // namespace bottle
