#include "proxy/upstream/origin_upstream.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "proxy/http/http2_session.h"
#include "tests/support/scripted_peer.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// Answers every request of an HTTP/2 origin with its body, or "ok".
class Echo final : public Handler {
 public:
  std::string next_id() override { return "o"; }
  awaitable<Response> handle(Request request, Exchange&) override {
    ++requests;
    most = std::max(most, ++running);
    Bytes body = "ok";
    if (request.body) {
      auto chunk = co_await request.body->read(1024);
      if (chunk) body = chunk->data;
    }
    bool going = true;
    do {
      const bool slept = co_await sleep_for(20ms);
      going = slept;
    } while (stays && going);
    --running;
    Response response;
    response.head.version = Version::Http2;
    response.head.has_body = true;
    response.body = std::make_unique<BytesSource>(std::move(body));
    co_return response;
  }
  Response refuse(const Failure&, Exchange&) override {
    Response response;
    response.head.status = 400;
    return response;
  }
  void finished(const Exchange&) noexcept override {}

  int requests = 0;
  int running = 0;
  int most = 0;
  bool stays = false;  // answers nothing until its client has gone
};

// Dials HTTP/2 origins in memory.
class H2Dialer final : public Dialer {
 public:
  H2Dialer(PipeWorld& world, TaskGroup& tasks) : world_(world), tasks_(tasks) {}

  awaitable<Result<Connection>> dial(const Destination& destination, Scheme,
                                     std::uint64_t) override {
    ++dials;
    const bool slept = co_await sleep_for(20ms);
    if (!slept) co_return Failure{Code::Cancelled, "cancelled"};
    if (fails) co_return Failure{Code::ConnectFailed, "refused"};
    pipes_.push_back(std::make_unique<MemoryPipe>(world_.io.get_executor()));
    tasks_.spawn(serve(pipes_.back()->b(), destination));
    Connection connection;
    connection.stream = pipes_.back()->take_a();
    connection.protocol = Version::Http2;
    co_return connection;
  }

  int dials = 0;
  int open = 0;
  bool fails = false;
  Echo echo;
  H2Limits limits;

 private:
  awaitable<void> serve(ByteStream& stream, Destination destination) {
    const SessionContext context{world_.io.get_executor(),
                                 world_.wheel,
                                 echo,
                                 drain_,
                                 session_,
                                 rules_,
                                 destination,
                                 Scheme::Https};
    Http2Session session(stream, context, limits);
    ++open;
    co_await session.run();
    --open;
  }

  PipeWorld& world_;
  TaskGroup& tasks_;
  std::vector<std::unique_ptr<MemoryPipe>> pipes_;
  DrainSignal drain_;
  SessionLimits session_;
  RequestRules rules_;
};

struct H2World : PipeWorld {
  explicit H2World(PoolLimits pool_limits = {})
      : PipeWorld(pool_limits), sessions(io.get_executor()), h2(*this, sessions) {
    OriginLimits limits;
    limits.h2_connections_per_origin = 4;  // four hundred streams
    upstream = std::make_unique<OriginUpstream>(io.get_executor(), wheel, h2, pool,
                                                H1ClientLimits{}, H2ClientLimits{}, limits);
  }
  ~H2World() {
    run_until_done(io, upstream->close());
    upstream.reset();
    run_until_done(io, end_sessions());
  }
  awaitable<void> end_sessions() {
    sessions.cancel();
    co_await sessions.join();
  }
  std::vector<Outcome> ask_many(std::size_t count) {
    std::vector<Outcome> out(count);
    TaskGroup tasks(io.get_executor());
    for (Outcome& one : out) tasks.spawn(drive(*upstream, get(), wheel, https(), one));
    io.restart();
    while (!tasks.empty() && io.run_one() > 0) {
    }
    return out;
  }
  static Ask https() {
    Ask how;
    how.scheme = Scheme::Https;
    how.destination.port = 443;
    return how;
  }
  TaskGroup sessions;
  H2Dialer h2;
  std::unique_ptr<OriginUpstream> upstream;
};

awaitable<void> take(Pool& pool, std::vector<Lease>& out) {
  auto lease = co_await pool.lease("https://other.test:443");
  if (lease) out.push_back(std::move(*lease));
}

void expect_answered(const std::vector<Outcome>& outcomes) {
  for (const Outcome& out : outcomes) {
    ASSERT_FALSE(out.failure) << out.failure->detail;
    EXPECT_EQ(out.body, "ok");
    EXPECT_TRUE(out.ended);
    EXPECT_EQ(out.protocol, "h2");
  }
}

TEST(OriginUpstream, AHundredStreamsMakeOneConnection) {
  H2World world;
  expect_answered(world.ask_many(100));
  EXPECT_EQ(world.h2.dials, 1);
  EXPECT_EQ(world.h2.echo.requests, 100);
  EXPECT_GT(world.h2.echo.most, 50);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

TEST(OriginUpstream, MoreStreamsThanOneConnectionTakesMakeAnother) {
  H2World world;
  expect_answered(world.ask_many(150));
  EXPECT_EQ(world.h2.dials, 2);
}

TEST(OriginUpstream, WhatFindsNoStreamWaitsForOne) {
  H2World world;
  expect_answered(world.ask_many(2000));
  EXPECT_EQ(world.h2.dials, 4);
  EXPECT_EQ(world.h2.echo.requests, 2000);
  EXPECT_EQ(world.pool.waiting(), 0U);
}

TEST(OriginUpstream, AnOriginThatNeverHasAStreamIsWaitedForSoLong) {
  PoolLimits limits;
  limits.queue_wait = 40ms;
  H2World world(limits);
  world.h2.echo.stays = true;
  std::vector<Outcome> out(402);
  TaskGroup tasks(world.io.get_executor());
  for (Outcome& one : out) {
    tasks.spawn(drive(*world.upstream, get(), world.wheel, H2World::https(), one));
  }
  world.io.restart();
  while (tasks.size() > 400 && world.io.run_one() > 0) {
  }
  EXPECT_EQ(world.pool.in_flight(), 4U);
  EXPECT_EQ(world.pool.waiting(), 0U);
  const auto refused = std::count_if(out.begin(), out.end(), [](const Outcome& one) {
    return one.failure && one.failure->reason == "queue_timeout";
  });
  EXPECT_EQ(refused, 2);
  cancel_tasks(world.io, tasks);
  world.io.restart();
  while (!tasks.empty() && world.io.run_one() > 0) {
  }
}

TEST(OriginUpstream, ConnectionsToHttp2OriginsCountInUseAndIdle) {
  PoolLimits limits;
  limits.idle_total = 3;
  H2World world(limits);
  std::size_t most = 0;
  for (int i = 0; i < 8; ++i) {
    Ask how = H2World::https();
    how.destination.host = "origin" + std::to_string(i) + ".test";
    EXPECT_EQ(world.ask(*world.upstream, get(), how).body, "ok");
    world.settle();
    EXPECT_EQ(world.pool.in_flight(), 0U);
    most = std::max(most, world.pool.idle());
  }
  EXPECT_EQ(most, 3U);
  EXPECT_EQ(world.h2.dials, 8);
  // The ones that went are closed, not forgotten; the last one is still of use.
  world.io.restart();
  while (world.h2.open > 3 && world.io.run_one() > 0) {
  }
  EXPECT_EQ(world.h2.open, 3);
  Ask how = H2World::https();
  how.destination.host = "origin7.test";
  EXPECT_EQ(world.ask(*world.upstream, get(), how).body, "ok");
  EXPECT_EQ(world.h2.dials, 8);
}

TEST(OriginUpstream, AnIdleHttp2ConnectionIsUsedAgainWithinThePlacesInUse) {
  PoolLimits limits;
  limits.in_flight = 1;
  limits.queue_wait = 40ms;
  H2World world(limits);
  EXPECT_EQ(world.ask(*world.upstream, get(), H2World::https()).body, "ok");
  EXPECT_EQ(world.pool.in_flight(), 0U);
  EXPECT_EQ(world.pool.idle(), 1U);
  // The one place is taken by somebody else: the connection alone does not make another.
  std::vector<Lease> other;
  run_until_done(world.io, take(world.pool, other));
  const Outcome out = world.ask(*world.upstream, get(), H2World::https());
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->reason, "queue_timeout");
  other.clear();
  EXPECT_EQ(world.ask(*world.upstream, get(), H2World::https()).body, "ok");
  EXPECT_EQ(world.h2.dials, 1);
}

TEST(OriginUpstream, AnHttp2OriginGetsTheBody) {
  H2World world;
  const Outcome out = world.ask(*world.upstream, post("hello"), H2World::https());
  EXPECT_EQ(out.body, "hello");
}

TEST(OriginUpstream, AFailedDialFailsAllWhoWaitForItAtOnce) {
  H2World world;
  world.h2.fails = true;
  const auto outcomes = world.ask_many(10);
  for (const Outcome& out : outcomes) {
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.failure->code, Code::ConnectFailed);
  }
  EXPECT_EQ(world.h2.dials, 1);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

TEST(OriginUpstream, ACancelledDialLeavesTheOthersTheirChance) {
  H2World world;
  TaskGroup first(world.io.get_executor());
  TaskGroup others(world.io.get_executor());
  Outcome leaves;
  std::vector<Outcome> stay(5);
  first.spawn(drive(*world.upstream, get(), world.wheel, H2World::https(), leaves));
  for (Outcome& one : stay) {
    others.spawn(drive(*world.upstream, get(), world.wheel, H2World::https(), one));
  }
  world.settle();
  cancel_tasks(world.io, first);
  world.io.restart();
  while ((!others.empty() || !first.empty()) && world.io.run_one() > 0) {
  }
  ASSERT_TRUE(leaves.failure);
  EXPECT_EQ(leaves.failure->code, Code::Cancelled);
  for (const Outcome& one : stay) EXPECT_EQ(one.body, "ok");
  EXPECT_EQ(world.h2.dials, 2);
}

TEST(OriginUpstream, ACancelledWaiterIsForgotten) {
  H2World world;
  TaskGroup first(world.io.get_executor());
  TaskGroup second(world.io.get_executor());
  Outcome stays;
  Outcome leaves;
  first.spawn(drive(*world.upstream, get(), world.wheel, H2World::https(), stays));
  second.spawn(drive(*world.upstream, get(), world.wheel, H2World::https(), leaves));
  world.settle();
  cancel_tasks(world.io, second);
  world.io.restart();
  while ((!first.empty() || !second.empty()) && world.io.run_one() > 0) {
  }
  EXPECT_EQ(stays.body, "ok");
  ASSERT_TRUE(leaves.failure);
  EXPECT_EQ(leaves.failure->code, Code::Cancelled);
}

TEST(OriginUpstream, AnHttp1OriginBehindTlsGetsAConnectionARequest) {
  PipeWorld world;
  OriginUpstream upstream(world.io.get_executor(), world.wheel, world.dialer, world.pool);
  world.dialer.delay = 10ms;
  for (int i = 0; i < 3; ++i) world.dialer.will_play({head(), pause(20ms), say(kOk), again()});
  std::vector<Outcome> out(3);
  TaskGroup tasks(world.io.get_executor());
  for (Outcome& one : out) {
    tasks.spawn(drive(upstream, get(), world.wheel, H2World::https(), one));
  }
  world.io.restart();
  while (!tasks.empty() && world.io.run_one() > 0) {
  }
  for (const Outcome& one : out) {
    EXPECT_EQ(one.body, "ok");
    EXPECT_EQ(one.protocol, "http/1.1");
  }
  EXPECT_EQ(world.dialer.dials, 3);
  EXPECT_EQ(world.pool.idle(), 3U);
  const Outcome next = world.ask(upstream, get(), H2World::https());
  EXPECT_EQ(next.body, "ok");
  EXPECT_EQ(world.dialer.dials, 3);
}

TEST(OriginUpstream, SchemesDoNotShareConnections) {
  PipeWorld world;
  OriginUpstream upstream(world.io.get_executor(), world.wheel, world.dialer, world.pool);
  world.dialer.will_play({head(), say(kOk), again()});
  world.dialer.will_play({head(), say(kOk), again()});
  Ask plain;
  plain.destination.port = 443;
  EXPECT_EQ(world.ask(upstream, get(), plain).body, "ok");
  EXPECT_EQ(world.ask(upstream, get(), H2World::https()).body, "ok");
  EXPECT_EQ(world.dialer.dials, 2);
}

TEST(OriginUpstream, AcceptEncodingIsTheClients) {
  PipeWorld world;
  OriginUpstream upstream(world.io.get_executor(), world.wheel, world.dialer, world.pool);
  PeerRecord& peer = world.dialer.will_play({head(), say(kOk)});
  Request request = get();
  request.head.fields.add("Accept-Encoding", "gzip");
  EXPECT_EQ(world.ask(upstream, std::move(request)).body, "ok");
  EXPECT_NE(peer.received.find("Accept-Encoding: gzip\r\n"), std::string::npos);
  EXPECT_EQ(peer.received.find("X-Pipelock-Agent"), std::string::npos);
  EXPECT_EQ(peer.received.substr(0, 6), "GET / ");
}

TEST(OriginUpstream, AfterCloseNothingIsDialled) {
  H2World world;
  EXPECT_EQ(world.ask(*world.upstream, get(), H2World::https()).body, "ok");
  run_until_done(world.io, world.upstream->close());
  const Outcome out = world.ask(*world.upstream, get(), H2World::https());
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Code::ShuttingDown);
  EXPECT_EQ(world.h2.dials, 1);
}

}  // namespace
}  // namespace bottle
