// Behaviour that only HTTP/1.x has: the order of answers, the ends of connections, the proxy's own
// port.
#include "proxy/http/http1_session.h"

#include "tests/session/session_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;
using Arrival = Http1Session::Arrival;

class Http1Sessions : public SessionBench {
 protected:
  Http1Sessions() : SessionBench(Protocol::H1) {}

  // Everything that comes until the session ends.
  awaitable<Bytes> read_to_end() {
    Bytes all;
    std::vector<char> buffer(16 * 1024);
    Deadline patience(wheel, pipe.a(), kLong);
    for (;;) {
      const IoResult got = co_await pipe.a().read_some(ByteSpan(buffer));
      if (!got.ok()) break;
      all.append(buffer.data(), got.n);
    }
    EXPECT_FALSE(patience.fired()) << "the session does not end; so far: " << all;
    if (patience.fired()) pipe.a().close();
    co_await tasks.join();
    co_return all;
  }
  // Until `text` came.
  awaitable<Bytes> read_until(std::string_view text) {
    Bytes all;
    std::vector<char> buffer(16 * 1024);
    Deadline patience(wheel, pipe.a(), kLong);
    while (all.find(text) == Bytes::npos) {
      const IoResult got = co_await pipe.a().read_some(ByteSpan(buffer));
      if (!got.ok()) break;
      all.append(buffer.data(), got.n);
    }
    EXPECT_NE(all.find(text), Bytes::npos) << all;
    co_return all;
  }
  static std::size_t count(std::string_view all, std::string_view what) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = all.find(what, at)) != std::string_view::npos; ++at) ++n;
    return n;
  }
  std::optional<Code> logged(std::size_t i = 0) const {
    return i < handler.log.size() ? handler.log[i].failure : std::nullopt;
  }

  awaitable<void> one_exchange(Arrival arrival, Bytes says, Bytes hears) {
    start(arrival);
    co_await say(says);
    const Bytes all = co_await read_to_end();
    EXPECT_NE(all.find(hears), Bytes::npos) << all;
    EXPECT_EQ(handler.log.size(), 1U);
  }
  awaitable<void> pipelined();
  awaitable<void> pipelined_then_closed();
  awaitable<void> deep_pipeline();
  awaitable<void> slow_head(Arrival arrival);
  awaitable<void> trickling_head();
  awaitable<void> partial_head_left();
  awaitable<void> tunnel();
  awaitable<void> late_connect();
  awaitable<void> refused_head_request();
  awaitable<void> unvetted_url();
  awaitable<void> served_hosts();
  awaitable<void> served_port();
  awaitable<void> drain_before_first();
  awaitable<void> old_client_broken();
  awaitable<void> old_client();
  awaitable<void> liar(std::size_t given);
  awaitable<void> unread_body_closes();
  awaitable<void> linger_ends(bool client_closes);
  awaitable<void> line_at_limit(std::size_t extra, Bytes hears);
  awaitable<void> body_before_continue();
  awaitable<void> chunked_body();
  awaitable<void> bad_chunk();
  awaitable<void> leaves_in_body();
  awaitable<void> drain_with_pipeline();
};

awaitable<void> Http1Sessions::pipelined() {
  start();
  co_await say(
      "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc"
      "GET /b HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
      "GET /never-read HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const Bytes all = co_await read_to_end();
  const std::size_t a = all.find("X-Path: /a");
  const std::size_t abc = all.find("\r\n\r\nabc");
  const std::size_t b = all.find("X-Path: /b");
  EXPECT_TRUE(a < abc && abc < b && b != Bytes::npos) << all;
  EXPECT_EQ(count(all, "HTTP/1.1 200"), 3U);
  EXPECT_EQ(count(all, "Connection: close"), 1U);
  EXPECT_EQ(handler.handled, 3);
  EXPECT_EQ(handler.log.size(), 3U);
}
TEST_F(Http1Sessions, PipelinedRequestsAreAnsweredInOrder) { play(pipelined()); }

awaitable<void> Http1Sessions::pipelined_then_closed() {
  start();
  co_await say(
      "GET /never HTTP/1.1\r\nHost: a.test\r\n\r\nGET /a HTTP/1.1\r\nHost: a.test\r\n\r\n");
  co_await settle();
  co_await leave();
  EXPECT_EQ(handler.handled, 1) << "what waits behind is never begun";
  EXPECT_EQ(handler.log.size(), 1U);
  EXPECT_EQ(logged(), Code::ClientGone);
}
TEST_F(Http1Sessions, NothingIsBegunForAClientThatLeft) { play(pipelined_then_closed()); }

// A client may not fill memory with requests that wait.
awaitable<void> Http1Sessions::deep_pipeline() {
  start();
  co_await say("GET /never HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const std::size_t taken = co_await send_as_much_as_goes(4 * 1024 * 1024);
  EXPECT_LE(taken, kPipe + 2 * limits.read_buffer + 64 * 1024);
  tasks.cancel();
  co_await tasks.join();
  EXPECT_EQ(handler.handled, 1);
}
TEST_F(Http1Sessions, PipelineIsBounded) { play(deep_pipeline()); }

awaitable<void> Http1Sessions::slow_head(Arrival arrival) {
  limits.request_head = 30ms;
  start(arrival);
  co_await say("GET http://a.test/ HTTP/1.1\r\nHo");
  const Bytes all = co_await read_to_end();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 408 ")) << all;
  EXPECT_EQ(handler.log.size(), 1U);
  EXPECT_EQ(logged(), Code::ClientSlow);
}
TEST_F(Http1Sessions, HeadThatStallsInATunnelIsRefused) { play(slow_head(Arrival::Tunnel)); }
TEST_F(Http1Sessions, HeadThatStallsAtThePortIsRefused) { play(slow_head(Arrival::Listener)); }

// A byte now and then does not put the deadline off.
awaitable<void> Http1Sessions::trickling_head() {
  limits.request_head = 60ms;
  limits.linger = 20ms;
  start();
  const Bytes head = "GET /hello HTTP/1.1\r\nHost: a.test\r\nX-Long: " + Bytes(200, 'x');
  const auto begun = Clock::now();
  for (const char c : head) {
    if (over) break;
    co_await say(std::string_view(&c, 1));
    const bool waited = co_await sleep_for(5ms);
    static_cast<void>(waited);
  }
  EXPECT_LT(Clock::now() - begun, 900ms);
  EXPECT_EQ(logged(), Code::ClientSlow);
  co_await leave();
}
TEST_F(Http1Sessions, TricklingHeadIsRefusedInTime) { play(trickling_head()); }

awaitable<void> Http1Sessions::partial_head_left() {
  start();
  co_await say("GET /hello HT");
  co_await pipe.a().shutdown();
  const Bytes all = co_await read_to_end();
  EXPECT_EQ(all, "");
  EXPECT_EQ(handler.handled, 0);
  EXPECT_TRUE(handler.log.empty());
}
TEST_F(Http1Sessions, HalfAHeadIsNoRequest) { play(partial_head_left()); }

awaitable<void> Http1Sessions::tunnel() {
  start(Arrival::Listener);
  co_await say("CONNECT b.test:8443 HTTP/1.1\r\nHost: b.test:8443\r\n\r\n\x16\x03\x01");
  co_await tasks.join();
  EXPECT_TRUE(h1_end.connect.has_value());
  if (h1_end.connect) {
    EXPECT_EQ(h1_end.connect->destination.host, "b.test");
    EXPECT_EQ(h1_end.connect->destination.port, 8443);
    EXPECT_EQ(h1_end.connect->early, "\x16\x03\x01");
    EXPECT_FALSE(h1_end.connect->http10);
  }
  EXPECT_TRUE(handler.log.empty()) << "the tunnel's requests will be the exchanges";
}
TEST_F(Http1Sessions, ConnectGivesTheTunnelItsFirstBytes) { play(tunnel()); }

awaitable<void> Http1Sessions::late_connect() {
  start(Arrival::Listener);
  co_await say(
      "GET http://a.test/a HTTP/1.1\r\nHost: a.test\r\n\r\n"
      "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_NE(all.find("X-Path: /a"), Bytes::npos) << all;
  EXPECT_NE(all.find("connect_not_first"), Bytes::npos) << all;
  EXPECT_FALSE(h1_end.connect.has_value());
  EXPECT_EQ(handler.log.size(), 2U);
}
TEST_F(Http1Sessions, ConnectIsAConnectionsFirstRequestOrNone) { play(late_connect()); }

awaitable<void> Http1Sessions::refused_head_request() {
  start(Arrival::Listener);
  co_await say("HEAD https://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\n")) << all;
  EXPECT_EQ(handler.log.size(), 1U);
}
TEST_F(Http1Sessions, RefusalOfHeadHasNoBody) { play(refused_head_request()); }

awaitable<void> Http1Sessions::unvetted_url() {
  start(Arrival::Listener);
  co_await say("GET http://user:password@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << all;
  EXPECT_EQ(handler.log.size(), 1U);
  if (!handler.log.empty()) {
    EXPECT_EQ(handler.log[0].target, "");
  }
}
TEST_F(Http1Sessions, PasswordInAUrlStaysOutOfTheLog) { play(unvetted_url()); }

TEST_F(Http1Sessions, PathAtTheProxysPortIsExplained) {
  play(one_exchange(Arrival::Listener, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "not_a_server"));
}
TEST_F(Http1Sessions, OtherHostIsMisdirected) {
  play(one_exchange(Arrival::Tunnel, "GET / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n",
                    "HTTP/1.1 421 "));
}
TEST_F(Http1Sessions, GarbageIsRefusedAndTheConnectionClosed) {
  play(one_exchange(Arrival::Tunnel, "\x16\x03\x01 nonsense\r\n\r\n", "HTTP/1.1 400 "));
}
TEST_F(Http1Sessions, ConnectInATunnelIsRefused) {
  play(one_exchange(Arrival::Tunnel, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
                    "HTTP/1.1 501 "));
}

// Where clients believe to speak to the origin, Host is the destination.
awaitable<void> Http1Sessions::served_hosts() {
  server_has_name = false;
  start(Arrival::Server);
  co_await say(
      "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"
      "GET /b HTTP/1.1\r\nHost: B.test:8443\r\nConnection: close\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_EQ(count(all, "HTTP/1.1 200"), 2U) << all;
  EXPECT_EQ(handler.hosts, (std::vector<std::string>{"a.test:443", "b.test:8443"}));
}
TEST_F(Http1Sessions, ServerTakesTheDestinationFromHost) { play(served_hosts()); }

awaitable<void> Http1Sessions::served_port() {
  start(Arrival::Server);
  co_await say("GET /a HTTP/1.1\r\nHost: a.test:8443\r\nConnection: close\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_EQ(count(all, "HTTP/1.1 200"), 1U) << all;
  EXPECT_EQ(handler.hosts, std::vector<std::string>{"a.test:8443"});
}
TEST_F(Http1Sessions, ServersNameLeavesThePortToHost) { play(served_port()); }

TEST_F(Http1Sessions, ServerRefusesAHostThatTheConnectionDidNotName) {
  play(one_exchange(Arrival::Server, "GET / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n",
                    "HTTP/1.1 421 "));
}
TEST_F(Http1Sessions, ServerNeedsAHost) {
  server_has_name = false;
  play(one_exchange(Arrival::Server, "GET / HTTP/1.0\r\n\r\n", "bad_host"));
}
TEST_F(Http1Sessions, ServerTakesOneHost) {
  server_has_name = false;
  play(one_exchange(Arrival::Server, "GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
                    "HTTP/1.1 400 "));
}
TEST_F(Http1Sessions, ServerRefusesAUrlOfAnotherHost) {
  server_has_name = false;
  play(one_exchange(Arrival::Server,
                    "GET https://b.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
                    "HTTP/1.1 400 "));
}
TEST_F(Http1Sessions, ServerIsNoProxy) {
  server_has_name = false;
  play(one_exchange(Arrival::Server, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
                    "HTTP/1.1 501 "));
}

awaitable<void> Http1Sessions::drain_before_first() {
  start(Arrival::Listener);
  co_await settle();
  drain.begin();
  const Bytes all = co_await read_to_end();
  EXPECT_EQ(all, "");
}
TEST_F(Http1Sessions, DrainEndsAConnectionOnWhichNothingWasSaid) { play(drain_before_first()); }

awaitable<void> Http1Sessions::old_client() {
  start();
  handler.feed.push("old");
  handler.feed.finish();
  co_await say("GET /live HTTP/1.0\r\nHost: a.test\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_TRUE(all.ends_with("\r\n\r\nold")) << all;
  EXPECT_EQ(all.find("chunked"), Bytes::npos);
  EXPECT_FALSE(h1_end.reset);
}
TEST_F(Http1Sessions, Http10GetsItsBodyUntilTheClose) { play(old_client()); }

awaitable<void> Http1Sessions::old_client_broken() {
  start();
  handler.feed.push("old");
  handler.feed.fail(Failure{Code::UpstreamTruncated, "it ended early"});
  co_await say("GET /live HTTP/1.0\r\nHost: a.test\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_TRUE(h1_end.reset) << "a close would say that the body is whole";
  EXPECT_EQ(logged(), Code::UpstreamTruncated);
}
TEST_F(Http1Sessions, Http10BodyThatBreaksAsksForAReset) { play(old_client_broken()); }

// More or less than was declared: the next answer must not be read out of this one's body.
awaitable<void> Http1Sessions::liar(std::size_t given) {
  start();
  front.liar = given;
  co_await say("GET /liar HTTP/1.1\r\nHost: a.test\r\n\r\nGET /a HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_LE(count(all, "l"), 10U) << all;
  EXPECT_EQ(all.find("X-Path: /a"), Bytes::npos) << all;
  EXPECT_EQ(handler.log.size(), 1U);
  EXPECT_EQ(logged(), Code::UpstreamBroken);
}
TEST_F(Http1Sessions, BodyLongerThanDeclaredIsCut) { play(liar(11)); }
TEST_F(Http1Sessions, BodyShorterThanDeclaredIsCut) { play(liar(9)); }

awaitable<void> Http1Sessions::unread_body_closes() {
  start();
  co_await say("POST /early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 60\r\n\r\n");
  const Bytes answer = co_await read_until("\r\n\r\nno");
  EXPECT_NE(answer.find("Connection: close"), Bytes::npos);
  // It would be the second request, were the body not counted.
  co_await say("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n");
  co_await pipe.a().shutdown();
  const Bytes after = co_await read_to_end();
  EXPECT_EQ(after, "");
  EXPECT_EQ(handler.handled, 1);
}
TEST_F(Http1Sessions, UnreadBodyIsNeverTheNextRequest) { play(unread_body_closes()); }

// After an early answer the rest is taken for a while, and not for ever.
awaitable<void> Http1Sessions::linger_ends(bool client_closes) {
  limits.linger = 50ms;
  start();
  co_await say("POST /early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 600\r\n\r\n");
  const Bytes answer = co_await read_until("\r\n\r\nno");
  EXPECT_EQ(handler.log.size(), 1U) << "the line does not wait for the rest";
  const auto begun = Clock::now();
  if (client_closes) pipe.a().close();
  co_await tasks.join();
  EXPECT_LT(Clock::now() - begun, 2s);
  EXPECT_TRUE(over);
}
TEST_F(Http1Sessions, LingeringHasAnEnd) { play(linger_ends(false)); }
TEST_F(Http1Sessions, LingeringEndsWithTheClient) { play(linger_ends(true)); }

awaitable<void> Http1Sessions::line_at_limit(std::size_t extra, Bytes hears) {
  rules.limits.start_line_bytes = 100;
  start();
  const Bytes line = "GET /" + Bytes(100 - 14 + extra, 'x') + " HTTP/1.1";
  const Bytes all = line + "\r\nHost: a.test\r\nConnection: close\r\n\r\n";
  co_await say(all);
  const Bytes answer = co_await read_to_end();
  EXPECT_TRUE(answer.starts_with(hears)) << line.size() << answer;
}
TEST_F(Http1Sessions, RequestLineAtItsLimit) { play(line_at_limit(0, "HTTP/1.1 200 ")); }
TEST_F(Http1Sessions, RequestLineAboveItsLimit) { play(line_at_limit(1, "HTTP/1.1 431 ")); }

// A client that does not wait for the word does not get it.
awaitable<void> Http1Sessions::body_before_continue() {
  start();
  co_await say(
      "POST /echo HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
      "Connection: close\r\n\r\nabc");
  const Bytes all = co_await read_to_end();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 200 ")) << all;
  EXPECT_TRUE(all.ends_with("abc")) << all;
}
TEST_F(Http1Sessions, NoContinueForABodyThatIsThere) { play(body_before_continue()); }

awaitable<void> Http1Sessions::chunked_body() {
  start();
  co_await say(
      "POST /echo HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /a HTTP/1.1\r\nHost: a.test\r\nConnection: "
      "close\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_NE(all.find("\r\n\r\nabcde"), Bytes::npos) << all;
  EXPECT_NE(all.find("X-Path: /a"), Bytes::npos) << all;
}
TEST_F(Http1Sessions, ChunkedBodyAndTheRequestBehindIt) { play(chunked_body()); }

awaitable<void> Http1Sessions::bad_chunk() {
  start();
  co_await say(
      "POST /echo HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabcX\r\nGET /a HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const Bytes all = co_await read_to_end();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << all;
  EXPECT_EQ(count(all, "HTTP/1.1 "), 1U) << all;
  EXPECT_EQ(handler.body_failure, Code::ClientBad);
  EXPECT_EQ(handler.log.size(), 1U);
}
TEST_F(Http1Sessions, BadChunkEndsTheConnection) { play(bad_chunk()); }

awaitable<void> Http1Sessions::leaves_in_body() {
  start();
  co_await say("POST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nabc");
  co_await settle();
  co_await leave();
  EXPECT_EQ(handler.body_failure, Code::ClientGone);
  EXPECT_EQ(handler.log.size(), 1U);
  EXPECT_EQ(logged(), Code::ClientGone);
}
TEST_F(Http1Sessions, ClientThatLeavesInItsBodyIsGone) { play(leaves_in_body()); }

awaitable<void> Http1Sessions::drain_with_pipeline() {
  start();
  co_await say("GET /live HTTP/1.1\r\nHost: a.test\r\n\r\nGET /a HTTP/1.1\r\nHost: a.test\r\n\r\n");
  co_await settle();
  drain.begin();
  handler.feed.push("last");
  handler.feed.finish();
  const Bytes all = co_await read_to_end();
  EXPECT_NE(all.find("0\r\n\r\n"), Bytes::npos) << all;
  EXPECT_EQ(handler.handled, 1) << "no new request is begun";
}
TEST_F(Http1Sessions, DrainBeginsNothingNew) { play(drain_with_pipeline()); }

}  // namespace
}  // namespace bottle
