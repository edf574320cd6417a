#include "proxy/scanner/pipelock_upstream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "tests/support/scripted_peer.h"
#include "tests/unit/scanner/scanner_words.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

struct World : PipeWorld {
  explicit World(PipelockOptions options_in = {},
                 PoolLimits pool_limits = PoolLimits::for_scanner())
      : PipeWorld(pool_limits),
        spool(spool_limits(), decode),
        upstream(dialer, pool, spool, with_id(std::move(options_in))) {}
  static PipelockOptions with_id(PipelockOptions options) {
    options.bottle_id = "bottle-7";
    return options;
  }
  Outcome ask(Request request, Ask how = {}) {
    if (how.scheme == Scheme::Http && how.destination.port == 80) {
      how.scheme = Scheme::Https;
      how.destination.port = 443;
    }
    return PipeWorld::ask(upstream, std::move(request), std::move(how));
  }
  DecodeSpace decode{DecodeLimits{}.memory_bytes};
  Spool spool;
  PipelockUpstream upstream;
};

std::string lines(const std::string& text, const std::string& name) {
  std::string out;
  std::size_t at = 0;
  while ((at = text.find("\r\n" + name + ":", at)) != std::string::npos) {
    const std::size_t end = text.find("\r\n", at + 2);
    out += text.substr(at + 2, end - at - 2) + "|";
    at = end;
  }
  return out;
}

// ---- the request -------------------------------------------------------------------------------

TEST(PipelockUpstream, SendsOneAbsoluteFormRequestInOurName) {
  World world;
  PeerRecord& peer = world.dialer.will_play({head(), say(kScannedOk)});
  Request request = get("/path?q=1");
  request.head.fields.add("Accept-Encoding", "gzip, br");
  request.head.fields.add("X-Other", "kept");
  const Outcome out = world.ask(std::move(request));
  EXPECT_EQ(out.body, "ok");
  EXPECT_EQ(out.protocol, "http/1.1");
  EXPECT_EQ(peer.received,
            "GET https://origin.test/path?q=1 HTTP/1.1\r\nHost: origin.test\r\nX-Other: kept\r\n"
            "Accept-Encoding: identity\r\nUser-Agent: \r\nX-Pipelock-Agent: bottle-7-e1\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(PipelockUpstream, KeepsAUserAgentAndAnUnusualPort) {
  World world;
  PeerRecord& peer = world.dialer.will_play({head(), say(kScannedOk)});
  Request request = get();
  request.head.fields.add("User-Agent", "curl/8");
  Ask how;
  how.destination.port = 8443;
  how.scheme = Scheme::Https;
  const Outcome out = world.ask(std::move(request), how);
  EXPECT_EQ(out.body, "ok");
  EXPECT_EQ(peer.received.substr(0, 36), "GET https://origin.test:8443/ HTTP/1");
  EXPECT_EQ(lines(peer.received, "User-Agent"), "User-Agent: curl/8|");
}

TEST(PipelockUpstream, AgentIdentityIsShortAndPlain) {
  EXPECT_EQ(pipelock_agent("bottle-7", "e1"), "bottle-7-e1");
  EXPECT_EQ(pipelock_agent("b ö", "e/1"), "b___-e_1");
  EXPECT_EQ(pipelock_agent("", "e1"), "e1");
  const std::string whole = pipelock_agent(std::string(100, 'b'), "exchange-12345");
  EXPECT_EQ(whole.size(), 64U);
  EXPECT_TRUE(whole.ends_with("b-exchange-12345"));
  EXPECT_EQ(pipelock_agent("bottle", std::string(100, 'e')), std::string(64, 'e'));
}

// A body that is slow to come: nothing is dialled before it is whole.
class SlowSource final : public BodySource {
 public:
  explicit SlowSource(PipeDialer& dialer) : dialer_(dialer) {}
  awaitable<Result<Chunk>> read(std::size_t) override {
    const bool slept = co_await sleep_for(5ms);
    if (!slept) co_return Failure{Code::Cancelled, "cancelled"};
    EXPECT_EQ(dialer_.dials, 0);
    Chunk chunk;
    chunk.data = "x";
    chunk.end = ++pieces_ == 3;
    co_return chunk;
  }
  void stop(Failure) noexcept override {}

 private:
  PipeDialer& dialer_;
  int pieces_ = 0;
};

TEST(PipelockUpstream, CollectsTheWholeBodyBeforeItDials) {
  World world;
  PeerRecord& peer = world.dialer.will_play({head(), read(3), say(kScannedOk)});
  Request request = get();
  request.head.method = "POST";
  request.head.has_body = true;  // of unknown length
  request.body = std::make_unique<SlowSource>(world.dialer);
  const Outcome out = world.ask(std::move(request));
  EXPECT_EQ(out.body, "ok");
  EXPECT_EQ(lines(peer.received, "Content-Length"), "Content-Length: 3|");
  EXPECT_EQ(lines(peer.received, "Transfer-Encoding"), "");
  EXPECT_TRUE(peer.received.ends_with("\r\n\r\nxxx"));
}

TEST(PipelockUpstream, DecodesACodedBodyAndDropsTheField) {
  World world;
  PeerRecord& peer = world.dialer.will_play({head(), read(30), say(kScannedOk)});
  const char gzip[] =
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\xc0\x4e\x72\x01\x00"
      "\x68\x02\x31\x66\x1e\x00\x00\x00";
  Request request = post(Bytes(gzip, sizeof gzip - 1));
  request.head.fields.add("Content-Encoding", "gzip");
  const Outcome out = world.ask(std::move(request));
  EXPECT_EQ(out.body, "ok");
  EXPECT_EQ(lines(peer.received, "Content-Encoding"), "");
  EXPECT_EQ(lines(peer.received, "Content-Length"), "Content-Length: 30|");
  EXPECT_TRUE(peer.received.ends_with("hello hello hello hello hello\n"));
}

TEST(PipelockUpstream, WhatCannotBeScannedIsRefusedBeforeAnythingIsDialled) {
  World world;
  for (const char* coding : {"aws-chunked", "gzip, br", "gzip"}) {
    Request request = post("not gzip");
    request.head.fields.add("Content-Encoding", coding);
    const Outcome out = world.ask(std::move(request));
    ASSERT_TRUE(out.failure) << coding;
    EXPECT_EQ(world.dialer.dials, 0);
  }
}

TEST(PipelockUpstream, ALargeBodyGoesThroughTheDiskWhole) {
  World world;
  const Bytes body(3'000'000, 'b');
  PeerRecord& peer = world.dialer.will_play({head(), read(body.size()), say(kScannedOk), again()});
  for (int i = 0; i < 2; ++i) {
    const Outcome out = world.ask(post(body));
    EXPECT_EQ(out.body, "ok");
  }
  EXPECT_EQ(std::count(peer.received.begin(), peer.received.end(), 'b') % 3'000'000 < 100, true);
  EXPECT_GT(peer.received.size(), 6'000'000U);
  EXPECT_EQ(world.dialer.dials, 1);
  EXPECT_EQ(world.spool.held(), 0U);
}

// ---- whose word it is --------------------------------------------------------------------------

TEST(PipelockUpstream, ARefusalKeepsStatusAndTextAndIsMarked) {
  World world;
  const std::string text = "blocked: request body contains secret: Anthropic API Key";
  world.dialer.will_play({head(), say(block(403, text)), again()});
  Outcome out = world.ask(get());
  ASSERT_FALSE(out.failure);
  EXPECT_EQ(out.head.status, 403);
  EXPECT_EQ(out.body, text + "\n");
  EXPECT_TRUE(out.ended);
  ASSERT_TRUE(out.traced);
  EXPECT_EQ(out.traced->code, Code::UpstreamDenied);
  EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), word(*out.traced));
  EXPECT_EQ(out.by, DecidedBy::Pipelock);
  out = world.ask(get());
  EXPECT_EQ(world.dialer.dials, 1);  // and the connection goes on
}

TEST(PipelockUpstream, AnOriginsLookAlikeIsTheOriginsWord) {
  World world;
  // Its own Date stands before nosniff, as everything a handler wrote.
  const std::string text = "blocked: by me\n";
  world.dialer.will_play(
      {head(), say("HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nX-Bottle-Deny: forged\r\n"
                   "X-Content-Type-Options: nosniff\r\nX-Pipelock-Hint: forged\r\n"
                   "Content-Length: " +
                   std::to_string(text.size()) + "\r\n\r\n" + text)});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.head.status, 403);
  EXPECT_EQ(out.body, text);
  EXPECT_FALSE(out.traced);
  EXPECT_FALSE(out.head.fields.has("X-Bottle-Deny"));
  EXPECT_FALSE(out.head.fields.has("X-Pipelock-Hint"));
}

TEST(PipelockUpstream, ARefusalThatIsMarkedSaysWhenToTryAgain) {
  World world;
  world.dialer.will_play(
      {head(), say(marked_block(403, "blocked: new words", "brand_new", "transient"))});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.head.status, 403);
  EXPECT_EQ(out.body, "blocked: new words\n");
  EXPECT_EQ(out.head.fields.find("X-Bottle-Deny"), "scanner_denied");
  EXPECT_EQ(out.head.fields.find("Retry-After"), "5");
  EXPECT_FALSE(out.head.fields.has("X-Pipelock-Block-Reason"));
  EXPECT_FALSE(out.head.fields.has("X-Pipelock-Block-Reason-Version"));
  ASSERT_TRUE(out.traced);
  EXPECT_EQ(out.traced->detail, "blocked: new words (brand_new)");
  EXPECT_EQ(out.traced->hint, "Try again later.");
}

// 2.3 relays an origin's fields of these names.
TEST(PipelockUpstream, AnOriginsMarkIsNoneWithoutAnExit) {
  World world;
  world.dialer.will_play(
      {head(), say("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n"
                   "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: x\r\n"
                   "X-Pipelock-Block-Reason: dlp_match\r\nX-Pipelock-Block-Reason-Retry: policy"
                   "\r\nContent-Length: 2\r\n\r\nno")});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.body, "no");
  EXPECT_FALSE(out.traced);
  EXPECT_FALSE(out.head.fields.has("X-Bottle-Deny"));
  EXPECT_FALSE(out.head.fields.has("X-Pipelock-Block-Reason"));
  EXPECT_FALSE(out.head.fields.has("X-Pipelock-Block-Reason-Retry"));
}

TEST(PipelockUpstream, ALongTextInTheSameFormIsRelayedWhole) {
  World world;
  const std::string text = "blocked: " + std::string(9'000, 'x');
  world.dialer.will_play({head(), say(block(403, text))});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.body, text + "\n");
  EXPECT_TRUE(out.ended);
  EXPECT_FALSE(out.head.fields.has("X-Bottle-Deny"));
}

struct Fault {
  const char* name;
  Script script;
  Code code;
};
void PrintTo(const Fault& row, std::ostream* out) { *out << row.name; }

class PipelockFault : public testing::TestWithParam<Fault> {};

TEST_P(PipelockFault, HasItsFailure) {
  PipelockOptions options;
  options.h1.head = 60ms;
  options.h1.response_stall = 60ms;
  World world(options);
  world.dialer.will_play(GetParam().script);
  const Outcome out = world.ask(get());
  const auto& failure = out.failure ? out.failure : out.body_failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, GetParam().code) << failure->detail;
  EXPECT_FALSE(out.ended);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PipelockFault,
    testing::Values(
        Fault{"Dns",
              {head(),
               say(block(403, "blocked: SSRF check failed: DNS resolution error for x: lookup"))},
              Code::DnsFailed},
        Fault{"FetchFailed",
              {head(), say(block(502, "forward proxy fetch failed"))},
              Code::ConnectFailed},
        Fault{"Hang", {head(), drain()}, Code::UpstreamTimeout},
        Fault{"Garbage", {head(), say("\x01\x02 not HTTP\r\n\r\n")}, Code::UpstreamBroken},
        Fault{"HalfHead", {head(), say("HTTP/1.1 200 OK\r\nConte"), fin()}, Code::UpstreamBroken},
        Fault{"Reset", {head(), gone()}, Code::UpstreamBroken},
        Fault{"KilledInBody",
              {head(), say("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"), gone()},
              Code::UpstreamTruncated},
        Fault{"HangsInBody",
              {head(), say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
               drain()},
              Code::UpstreamTimeout}),
    [](const auto& row) { return std::string(row.param.name); });

class NobodyThere final : public Dialer {
 public:
  awaitable<Result<Connection>> dial(const Destination&, Scheme, std::uint64_t) override {
    co_return Failure{Code::ScannerUnavailable, "refused"};
  }
};

TEST(PipelockUpstream, WithoutAScannerNothingIsSentAnywhere) {
  PipeWorld world(PoolLimits::for_scanner());
  NobodyThere dialer;
  DecodeSpace decode(DecodeLimits{}.memory_bytes);
  Spool spool(spool_limits(), decode);
  PipelockUpstream upstream(dialer, world.pool, spool, {});
  const Outcome out = world.ask(upstream, post("secret"));
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Code::ScannerUnavailable);
  EXPECT_EQ(out.protocol, "") << "nobody was spoken to";
  EXPECT_EQ(world.pool.in_flight(), 0U);
  EXPECT_EQ(spool.held(), 0U);
}

TEST(PipelockUpstream, AnEarlyRefusalWhileTheBodyGoesOutArrives) {
  World world;
  const std::string text = "blocked: domain not in allowlist: origin.test";
  world.dialer.will_play({head(), say(block(403, text)), pause(20ms), gone()}, 4096);
  const Outcome out = world.ask(post(Bytes(2'000'000, 'x')));
  EXPECT_EQ(out.head.status, 403);
  EXPECT_EQ(out.body, text + "\n");
  EXPECT_EQ(world.pool.idle(), 0U);
}

// ---- where pipelock cuts -----------------------------------------------------------------------

std::string chunked(std::size_t size, const std::string& type = "text/plain") {
  std::string out = "HTTP/1.1 200 OK\r\nContent-Type: " + type +
                    "\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n";
  write_chunk(out, Bytes(size, 'x'));
  write_last_chunk(out);
  return out;
}

TEST(PipelockUpstream, ABodyOfExactlyTheCapIsTruncated) {
  PipelockOptions options;
  options.max_response_bytes = 100'000;
  for (const std::size_t size : {std::size_t{99'999}, std::size_t{100'000}, std::size_t{100'001}}) {
    World world(options);
    world.dialer.will_play({head(), say(chunked(size))});
    const Outcome out = world.ask(get());
    EXPECT_EQ(out.ended, size != 100'000) << size;
    if (out.ended) continue;
    ASSERT_TRUE(out.body_failure);
    EXPECT_EQ(out.body_failure->code, Code::UpstreamTruncated);
  }
}

TEST(PipelockUpstream, AnEventStreamMayHaveTheCapsSize) {
  PipelockOptions options;
  options.max_response_bytes = 1000;
  World world(options);
  world.dialer.will_play({head(), say(chunked(1000, "text/event-stream"))});
  EXPECT_TRUE(world.ask(get()).ended);
}

TEST(PipelockUpstream, AnEventStreamThatEndsAtTheTimeoutIsTruncated) {
  PipelockOptions options;
  options.timeout = 400ms;
  for (const bool late : {false, true}) {
    World world(options);
    world.dialer.will_play(
        {head(), pause(late ? 420ms : 0ms), say(chunked(10, "text/event-stream"))});
    const Outcome out = world.ask(get());
    EXPECT_EQ(out.ended, !late);
    if (late) {
      ASSERT_TRUE(out.body_failure);
      EXPECT_EQ(out.body_failure->code, Code::UpstreamTruncated);
    }
  }
}

// ---- event streams -----------------------------------------------------------------------------

// Takes what each turn of the loop brings.
TEST(PipelockUpstream, AnEventLeavesInTheTurnInWhichItArrived) {
  World world;
  const std::string event = "event: x\ndata: 1\n\n";
  std::string first =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  write_chunk(first, event);
  std::string next;
  write_chunk(next, event);
  std::string last;
  write_last_chunk(last);
  world.dialer.will_play({head(), say(first), pause(30ms), say(next), pause(30ms), say(next + next),
                          pause(30ms), say(last)});
  const Outcome out = world.ask(get());
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(out.body, event + event + event + event);
  // None held back for the next, none merged but those that came together.
  EXPECT_EQ(out.pieces, (std::vector<std::size_t>{18, 18, 36, 0}));
}

TEST(PipelockUpstream, AnIdleEventStreamGetsCommentsBetweenEvents) {
  PipelockOptions options;
  options.sse_comment = 40ms;
  World world(options);
  const std::string start = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  world.dialer.will_play({head(), say(start + "data: 1\n\n"), pause(150ms), say("data: 2"),
                          pause(150ms), say("\n\n"), fin()});
  const Outcome out = world.ask(get());
  EXPECT_TRUE(out.ended);
  const std::size_t one = out.body.find("data: 1\n\n");
  const std::size_t two = out.body.find("data: 2\n\n");
  ASSERT_EQ(one, 0U);
  ASSERT_NE(two, std::string::npos);  // nothing was put into the second event
  EXPECT_GT(two, 9U);
  EXPECT_EQ(out.body[9], ':');
}

TEST(PipelockUpstream, AClientThatLeavesAnIdleEventStreamClosesIt) {
  PipelockOptions options;
  options.sse_comment = 30ms;
  World world(options);
  PeerRecord& peer = world.dialer.will_play(
      {head(), say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"),
       drain()});
  Ask how;
  how.leave_after = 10;  // in the first comment, while the upstream is being waited for
  const Outcome out = world.ask(get(), how);
  EXPECT_FALSE(out.ended);
  world.settle();
  EXPECT_TRUE(peer.other_end_gone);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

TEST(PipelockUpstream, SmallReadsLoseNothingOfAnEventStream) {
  PipelockOptions options;
  options.sse_comment = 30ms;
  World world(options);
  world.dialer.will_play(
      {head(), say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"),
       pause(100ms), say("data: 2\n\n"), fin()});
  Ask how;
  how.piece = 2;
  const Outcome out = world.ask(get(), how);
  EXPECT_TRUE(out.ended);
  EXPECT_TRUE(out.body.starts_with("data: 1\n\n:"));
  EXPECT_TRUE(out.body.ends_with("data: 2\n\n"));
  for (const std::size_t piece : out.pieces) EXPECT_LE(piece, 2U);
}

// ---- how many at a time ------------------------------------------------------------------------

TEST(PipelockUpstream, OnlySoManyAreInFlight) {
  PoolLimits limits = PoolLimits::for_scanner(1);
  limits.queue_wait = 40ms;
  World world({}, limits);
  world.dialer.will_play({head(), drain()});
  TaskGroup tasks(world.io.get_executor());
  Outcome first;
  Ask how;
  tasks.spawn(drive(world.upstream, get(), world.wheel, how, first));
  const Outcome second = world.ask(get());
  ASSERT_TRUE(second.failure);
  EXPECT_EQ(second.failure->code, Code::Overloaded);
  EXPECT_EQ(world.dialer.dials, 1);
  cancel_tasks(world.io, tasks);
  EXPECT_TRUE(tasks.empty());
}

}  // namespace
}  // namespace bottle
