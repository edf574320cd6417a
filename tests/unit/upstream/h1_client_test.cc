#include "proxy/upstream/h1_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/upstream/h1_world.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST(H1Client, WritesTheRequestInOnePieceAndReadsTheAnswer) {
  H1World world;
  PeerRecord& peer = world.dialer.will_play({head(), read(5), say(kOk)});
  const Outcome out = world.ask(post("hello"));
  ASSERT_FALSE(out.failure);
  EXPECT_EQ(out.head.status, 200);
  EXPECT_EQ(out.body, "ok");
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(out.protocol, "http/1.1");
  EXPECT_EQ(peer.received,
            "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(world.pool.idle(), 1U);
}

TEST(H1Client, ReusesACleanConnection) {
  H1World world;
  world.dialer.will_play({head(), say(kOk), again()});
  for (int i = 0; i < 3; ++i) {
    const Outcome out = world.ask(get());
    EXPECT_EQ(out.body, "ok");
  }
  EXPECT_EQ(world.dialer.dials, 1);
}

struct NotReused {
  const char* name;
  const char* answer;
  bool body_ends;
};
void PrintTo(const NotReused& row, std::ostream* out) { *out << row.name; }

class H1ClientNotReused : public testing::TestWithParam<NotReused> {};

TEST_P(H1ClientNotReused, IsClosed) {
  H1World world;
  PeerRecord& peer = world.dialer.will_play({head(), say(GetParam().answer)});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.ended, GetParam().body_ends);
  EXPECT_EQ(world.pool.idle(), 0U);
  EXPECT_EQ(world.pool.in_flight(), 0U);
  world.settle();
  EXPECT_TRUE(peer.other_end_gone);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, H1ClientNotReused,
    testing::Values(
        NotReused{"SurplusBytes", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK",
                  true},
        NotReused{"SaysClose",
                  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", true},
        NotReused{"Http10", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
        NotReused{"BodyOn204", "HTTP/1.1 204 No Content\r\n\r\nbody", true},
        NotReused{"BodyOn304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody", true},
        NotReused{"SwitchesProtocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false},
        NotReused{"Garbage", "\x01\x02 this is not HTTP\r\n\r\n", false},
        NotReused{"LengthAndChunked",
                  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
                  false},
        NotReused{"BadChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false},
        NotReused{"AsksForCredentials",
                  "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
                  false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(H1Client, HeadKeepsTheLengthAndReadsNoBody) {
  H1World world;
  world.dialer.will_play(
      {head(), say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), head(), say(kOk)});
  Request request = get();
  request.head.method = "HEAD";
  Outcome out = world.ask(std::move(request));
  EXPECT_FALSE(out.has_body);
  EXPECT_EQ(out.head.content_length, 9U);
  out = world.ask(get());
  EXPECT_EQ(out.body, "ok");
  EXPECT_EQ(world.dialer.dials, 1);
}

TEST(H1Client, KeepsTrailers) {
  H1World world;
  world.dialer.will_play({head(), say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n")});
  const Outcome out = world.ask(get());
  ASSERT_TRUE(out.trailers);
  EXPECT_EQ(out.trailers->find("x-sum"), "7");
  EXPECT_EQ(world.pool.idle(), 1U);
}

TEST(H1Client, UnknownLengthGoesOutChunked) {
  H1World world;
  PeerRecord& peer = world.dialer.will_play({head(), read(15), say(kOk)});
  Request request = post("hello");
  request.head.content_length.reset();
  const Outcome out = world.ask(std::move(request));
  EXPECT_EQ(out.body, "ok");
  EXPECT_NE(peer.received.find("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            std::string::npos);
}

TEST(H1Client, APostWithoutABodySaysSo) {
  H1World world;
  PeerRecord& peer = world.dialer.will_play({head(), say(kOk)});
  Request request = get();
  request.head.method = "POST";
  const Outcome out = world.ask(std::move(request));
  EXPECT_EQ(out.body, "ok");
  EXPECT_NE(peer.received.find("Content-Length: 0\r\n"), std::string::npos);
}

struct CutOff {
  const char* name;
  Script script;
  Code code;
};
void PrintTo(const CutOff& row, std::ostream* out) { *out << row.name; }

class H1ClientCutOff : public testing::TestWithParam<CutOff> {};

TEST_P(H1ClientCutOff, IsNoEnd) {
  H1World world;
  world.dialer.will_play(GetParam().script);
  const Outcome out = world.ask(get());
  EXPECT_FALSE(out.ended);
  const auto& failure = out.failure ? out.failure : out.body_failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, GetParam().code) << failure->detail;
  EXPECT_EQ(world.pool.idle(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, H1ClientCutOff,
    testing::Values(
        CutOff{"NothingFin", {head(), fin()}, Code::UpstreamBroken},
        CutOff{"NothingReset", {head(), gone()}, Code::UpstreamBroken},
        CutOff{"HalfAHead", {head(), say("HTTP/1.1 200 O"), fin()}, Code::UpstreamBroken},
        CutOff{"LengthFin",
               {head(), say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), fin()},
               Code::UpstreamTruncated},
        CutOff{"LengthReset",
               {head(), say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), gone()},
               Code::UpstreamTruncated},
        CutOff{"ChunkedWithoutLast",
               {head(), say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
                fin()},
               Code::UpstreamTruncated},
        CutOff{"UntilCloseReset",
               {head(), say("HTTP/1.1 200 OK\r\n\r\nabc"), gone()},
               Code::UpstreamTruncated}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(H1Client, AFinEndsABodyWithoutALength) {
  H1World world;
  world.dialer.will_play({head(), say("HTTP/1.1 200 OK\r\n\r\nabc"), fin()});
  const Outcome out = world.ask(get());
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(out.body, "abc");
  EXPECT_EQ(world.pool.idle(), 0U);
}

// TLS without close_notify looks so; a plain stream cannot.
class TruncatedStream final : public ByteStream {
 public:
  awaitable<IoResult> read_some(ByteSpan into) override {
    IoResult got;
    got.status = IoStatus::Truncated;
    if (!text_.empty()) {
      got.status = IoStatus::Ok;
      got.n = text_.copy(into.data(), into.size());
      text_.clear();
    }
    co_return got;
  }
  awaitable<IoResult> write_all(ByteView data) override {
    IoResult put;
    put.n = data.size();
    co_return put;
  }
  awaitable<void> shutdown() override { co_return; }
  void close() noexcept override {}
  void cancel() noexcept override {}
  bool readable_now() noexcept override { return false; }

 private:
  std::string text_ = "HTTP/1.1 200 OK\r\n\r\nabc";
};

class TruncatingDialer final : public Dialer {
 public:
  awaitable<Result<Connection>> dial(const Destination&, Scheme, std::uint64_t) override {
    Connection connection;
    connection.stream = std::make_unique<TruncatedStream>();
    co_return connection;
  }
};

TEST(H1Client, WithoutCloseNotifyABodyWithoutALengthIsTruncated) {
  PipeWorld world;
  TruncatingDialer dialer;
  OriginUpstream upstream(world.io.get_executor(), world.wheel, dialer, world.pool);
  const Outcome out = world.ask(upstream, get());
  EXPECT_EQ(out.body, "abc");
  EXPECT_FALSE(out.ended);
  ASSERT_TRUE(out.body_failure);
  EXPECT_EQ(out.body_failure->code, Code::UpstreamTruncated);
}

TEST(H1Client, InterimHeadsGoToTheExchangeAnd100Nowhere) {
  H1World world;
  world.dialer.will_play({head(), say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
                                      "Link: </a>\r\n\r\n" +
                                      kOk)});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.interims, std::vector<int>{103});
  EXPECT_EQ(out.body, "ok");
  EXPECT_EQ(world.pool.idle(), 1U);
}

TEST(H1Client, FiveInterimHeadsPassSixDoNot) {
  for (const int count : {5, 6}) {
    for (const char* status : {"103 Early Hints", "100 Continue"}) {
      H1World world;
      std::string text;
      for (int i = 0; i < count; ++i) text += "HTTP/1.1 " + std::string(status) + "\r\n\r\n";
      world.dialer.will_play({head(), say(text + kOk)});
      const Outcome out = world.ask(get());
      EXPECT_EQ(out.ended, count == 5);
      if (count == 5) continue;
      ASSERT_TRUE(out.failure);
      EXPECT_EQ(out.failure->code, Code::UpstreamBroken);
      EXPECT_EQ(world.pool.idle(), 0U);
    }
  }
}

TEST(H1Client, AClientThatLeavesClosesTheConnection) {
  H1World world;
  PeerRecord& peer = world.dialer.will_play(
      {head(), say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"), drain()});
  Ask how;
  how.leave_after = 3;
  const Outcome out = world.ask(get(), how);
  EXPECT_EQ(out.body, "abc");
  world.settle();
  EXPECT_TRUE(peer.other_end_gone);
  EXPECT_EQ(world.pool.in_flight(), 0U);
}

TEST(H1Client, ACancelledExchangeClosesTheConnection) {
  H1World world;
  PeerRecord& peer = world.dialer.will_play({head(), drain()});
  TaskGroup tasks(world.io.get_executor());
  Outcome out;
  tasks.spawn(drive(world.upstream, get(), world.wheel, {}, out));
  world.settle();
  EXPECT_FALSE(peer.other_end_gone);
  cancel_tasks(world.io, tasks);
  EXPECT_TRUE(tasks.empty());
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Code::Cancelled);
  EXPECT_TRUE(peer.other_end_gone);
}

H1ClientLimits short_limits() {
  H1ClientLimits limits;
  limits.head = 60ms;
  limits.response_stall = 60ms;
  limits.write_stall = 60ms;
  return limits;
}

TEST(H1Client, SilenceInsteadOfAHeadTimesOutAlsoWhenItDribbles) {
  H1World world(short_limits());
  Script dribble{head()};
  for (const char c : std::string("HTTP/1.1 200 OK")) {
    dribble.push_back(say(std::string(1, c)));
    dribble.push_back(pause(15ms));
  }
  world.dialer.will_play({head(), drain()});
  world.dialer.will_play(dribble);
  for (int i = 0; i < 2; ++i) {
    const Outcome out = world.ask(get());
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.failure->code, Code::UpstreamTimeout);
    EXPECT_EQ(out.failure->reason, "no_response");
  }
  EXPECT_EQ(world.dialer.dials, 2);  // none of them was tried again
}

TEST(H1Client, AStalledBodyTimesOut) {
  H1World world(short_limits());
  world.dialer.will_play({head(), say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")});
  const Outcome out = world.ask(get());
  EXPECT_EQ(out.body, "abc");
  ASSERT_TRUE(out.body_failure);
  EXPECT_EQ(out.body_failure->code, Code::UpstreamTimeout);
  EXPECT_EQ(out.body_failure->reason, "response_stalled");
}

TEST(H1Client, APieceIsNeverLargerThanAsked) {
  H1World world;
  world.dialer.will_play(
      {head(), say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcdefghi"), head(), say(kOk)});
  Ask how;
  how.piece = 4;
  const Outcome out = world.ask(get(), how);
  EXPECT_EQ(out.body, "abcdefghi");
  EXPECT_EQ(out.pieces, (std::vector<std::size_t>{4, 4, 1}));
}

TEST(H1Client, ADeadReusedConnectionIsTriedOnceMoreForSafeMethodsOnly) {
  const Script one_answer = {head(), say(kOk), head(), fin()};
  {
    H1World world;
    world.dialer.will_play(one_answer);
    PeerRecord& second = world.dialer.will_play({head(), say(kOk)});
    EXPECT_EQ(world.ask(get("/1")).body, "ok");
    EXPECT_EQ(world.ask(get("/2")).body, "ok");
    EXPECT_EQ(world.dialer.dials, 2);
    EXPECT_EQ(second.received.substr(0, 6), "GET /2");
  }
  {
    H1World world;
    world.dialer.will_play(one_answer);
    world.dialer.will_play({head(), say(kOk)});
    EXPECT_EQ(world.ask(get()).body, "ok");
    const Outcome out = world.ask(post("x"));
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.failure->code, Code::UpstreamBroken);
    EXPECT_EQ(world.dialer.dials, 1);
  }
}

TEST(H1Client, NothingIsTriedAgainOnAFreshConnectionOrAfterAByte) {
  {
    H1World world;
    world.dialer.will_play({head(), fin()});
    world.dialer.will_play({head(), say(kOk)});
    EXPECT_TRUE(world.ask(get()).failure);
    EXPECT_EQ(world.dialer.dials, 1);
  }
  {
    H1World world;
    world.dialer.will_play({head(), say(kOk), head(), say("H"), fin()});
    world.dialer.will_play({head(), say(kOk)});
    EXPECT_EQ(world.ask(get()).body, "ok");
    EXPECT_TRUE(world.ask(get()).failure);
    EXPECT_EQ(world.dialer.dials, 1);
  }
}

}  // namespace
}  // namespace bottle
