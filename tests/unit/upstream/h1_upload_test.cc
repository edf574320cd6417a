#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "proxy/upstream/h1_client.h"
#include "tests/unit/upstream/h1_world.h"

// The request's half of h1_client.
namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

// A body that comes when it is told to, ends or fails.
class ManualSource final : public BodySource {
 public:
  explicit ManualSource(Executor executor) : news(std::move(executor)) {}
  awaitable<Result<Chunk>> read(std::size_t) override {
    while (pieces.empty()) {
      const bool more = co_await news.wait();
      if (!more) co_return Failure{Code::Cancelled, "cancelled"};
    }
    Result<Chunk> piece = std::move(pieces.front());
    pieces.pop_front();
    co_return piece;
  }
  void stop(Failure why) noexcept override { stopped = why.code; }
  void give(Bytes data, bool end) {
    Chunk chunk;
    chunk.data = std::move(data);
    chunk.end = end;
    pieces.emplace_back(std::move(chunk));
    news.set_later();
  }
  void fail(Failure why) {
    pieces.emplace_back(std::move(why));
    news.set_later();
  }

  Event news;
  std::deque<Result<Chunk>> pieces;
  std::optional<Code> stopped;
};

// The upstream owns its body and ends it; what the test holds must live longer.
class Borrowed final : public BodySource {
 public:
  explicit Borrowed(ManualSource& source) : source_(source) {}
  awaitable<Result<Chunk>> read(std::size_t max) override { return source_.read(max); }
  void stop(Failure why) noexcept override { source_.stop(std::move(why)); }

 private:
  ManualSource& source_;
};

Request upload(ManualSource& source, std::optional<std::uint64_t> length) {
  Request request = get();
  request.head.method = "POST";
  request.head.has_body = true;
  request.head.content_length = length;
  request.body = std::make_unique<Borrowed>(source);
  return request;
}

TEST(H1Upload, TheHeadDoesNotWaitForTheBody) {
  H1World world;
  ManualSource source(world.io.get_executor());
  PeerRecord& peer = world.dialer.will_play({head(), say(kOk)});
  const Outcome out = world.ask(upload(source, std::nullopt));
  EXPECT_EQ(out.body, "ok");  // a whole answer while nothing of the body had come
  world.settle();
  EXPECT_EQ(peer.received.find("0\r\n\r\n"), std::string::npos);
  EXPECT_TRUE(peer.other_end_gone);
  EXPECT_EQ(world.pool.idle(), 0U);
}

TEST(H1Upload, ABodyThatFailsIsNeverFinishedUpstream) {
  for (const bool chunked : {true, false}) {
    H1World world;
    ManualSource source(world.io.get_executor());
    PeerRecord& peer = world.dialer.will_play({head(), drain()});
    source.give("abc", false);
    source.fail(Failure{Code::ClientGone, "the client went away"});
    const Outcome out =
        world.ask(upload(source, chunked ? std::nullopt : std::optional<std::uint64_t>(9)));
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.failure->code, Code::ClientGone);
    world.settle();
    EXPECT_TRUE(peer.other_end_gone);
    EXPECT_NE(peer.received.find("abc"), std::string::npos);
    EXPECT_EQ(peer.received.find("0\r\n\r\n"), std::string::npos);
  }
}

awaitable<void> fail_after(std::chrono::milliseconds time, ManualSource& source) {
  const bool slept = co_await sleep_for(time);
  if (slept) source.fail(Failure{Code::ClientGone, "the client went away"});
}

TEST(H1Upload, ABodyThatFailsAfterTheHeadEndsTheResponseToo) {
  H1World world;
  ManualSource source(world.io.get_executor());
  world.dialer.will_play({head(), read(8),
                          say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
                          read(8), drain()});
  source.give("abc", false);
  world.peers.spawn(fail_after(30ms, source));
  const Outcome out = world.ask(upload(source, std::nullopt));
  EXPECT_EQ(out.body, "abc");
  ASSERT_TRUE(out.body_failure);
  EXPECT_EQ(out.body_failure->code, Code::ClientGone);
}

TEST(H1Upload, ABodyOfAnotherLengthThanItSaysIsCut) {
  for (const char* body : {"ab", "abcd"}) {
    H1World world;
    PeerRecord& peer = world.dialer.will_play({head(), drain()});
    Request request = post(body);
    request.head.content_length = 3;
    const Outcome out = world.ask(std::move(request));
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.failure->code, Code::ClientBad);
    world.settle();
    EXPECT_TRUE(peer.other_end_gone);
  }
}

TEST(H1Upload, AnAnswerBeforeTheEndOfTheUploadIsPassedOn) {
  H1World world;
  world.dialer.will_play({head(),
                          say("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n"
                              "Connection: close\r\n\r\nno!"),
                          pause(20ms), gone()},
                         4096);
  const Outcome out = world.ask(post(Bytes(1 << 20, 'x')));
  EXPECT_EQ(out.head.status, 413);
  EXPECT_EQ(out.body, "no!");
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(world.pool.idle(), 0U);
}

TEST(H1Upload, AnUpstreamThatTakesNothingTimesOut) {
  H1ClientLimits limits;
  limits.write_stall = 60ms;
  H1World world(limits);
  world.dialer.will_play({head(), pause(10'000ms)}, 4096);
  const Outcome out = world.ask(post(Bytes(1 << 20, 'x')));
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Code::UpstreamTimeout);
  EXPECT_EQ(out.failure->reason, "request_stalled");
}

}  // namespace
}  // namespace bottle
