#include "proxy/exit/exit_server.h"

#include "tests/unit/exit/exit_bench.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

class Exit : public ExitBench {
 public:
  awaitable<void> lets_out();
  awaitable<void> keeps_the_clients_head();
  awaitable<void> redirect();
  awaitable<void> no_body(std::string method, int status);
  awaitable<void> posts(std::size_t size);
  awaitable<void> two_requests();
  awaitable<void> interims();
  awaitable<void> grpc();
  awaitable<void> chunked_post();
};

// ---- what passes -------------------------------------------------------------------------------

awaitable<void> Exit::lets_out() {
  const Admission admitted = admission("a-1");
  auto front = admit(admitted);
  origins.head.status = 200;
  origins.head.fields.add("ETag", "\"1\"");
  origins.answer = "hello";
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("\r\n\r\nhello");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
  EXPECT_NE(heard.find("X-Bottle-Exchange: a-1\r\n"), Bytes::npos) << heard;
  EXPECT_NE(heard.find("Content-Length: 5\r\n"), Bytes::npos) << heard;
  EXPECT_TRUE(front->began());

  const auto first = co_await news(*front);
  const auto head = expect<HeadNews>(first);
  EXPECT_EQ(head.head.status, 200);
  EXPECT_EQ(head.head.fields.find("etag"), "\"1\"");
  EXPECT_FALSE(head.head.fields.has("x-bottle-exchange"));
  EXPECT_FALSE(head.decoded);
  EXPECT_FALSE(head.h2);
  const auto second = co_await news(*front);
  const auto end = expect<EndNews>(second);
  EXPECT_EQ(end.bytes, 5U);
  EXPECT_EQ(end.digest, sha256("hello"));
  EXPECT_EQ(origins.to, std::vector<std::string>{"api.test:80"});
  EXPECT_TRUE(lines().empty());
}
TEST_F(Exit, LetsOutWhatWasAdmittedAndTellsWhatCameBack) { play(lets_out()); }

// The scanner sorts, renames and adds; the origin gets what the client wrote.
awaitable<void> Exit::keeps_the_clients_head() {
  Admission admitted = admission("a-1");
  RequestHead& scanned = admitted.scanned.head;
  scanned.fields = Fields();
  scanned.fields.add("x-b", "2");
  scanned.fields.add("X-A", "1");
  admitted.sent.head = scanned;
  admitted.sent.head.fields.add("X-Forwarded-For", "192.0.2.1");
  admitted.sent.head.takes_trailers = true;
  auto front = admit(admitted);
  ScannersEnd scanner = connect();
  co_await scanner.say(
      "GET /v1?q=1 HTTP/1.1\r\nHost: api.test\r\nUser-Agent: Go-http-client/1.1\r\n" +
      ("X-A: 1\r\nX-B: 2\r\nX-Bottle-Exchange: " + ticket + "\r\n\r\n"));
  co_await scanner.hear("HTTP/1.1 200 ");
  EXPECT_EQ(origins.asked, 1);
  if (origins.asked != 1) co_return;
  const Fields& sent = origins.heads[0].fields;
  EXPECT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].name, "x-b");
  EXPECT_EQ(sent[1].name, "X-A");
  EXPECT_EQ(sent.find("x-forwarded-for"), "192.0.2.1");
  EXPECT_TRUE(origins.heads[0].takes_trailers);
  EXPECT_FALSE(origins.heads[0].has_body);
}
TEST_F(Exit, TheOriginGetsTheClientsOwnHead) { play(keeps_the_clients_head()); }

// The scanner would follow it.
awaitable<void> Exit::redirect() {
  auto front = admit(admission("a-1"));
  origins.head.status = 302;
  origins.head.fields.add("Location", "https://b.test/");
  origins.head.fields.add("Set-Cookie", "a=1");
  origins.head.fields.add("Set-Cookie", "b=2");
  origins.answer = "moved";
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("moved");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
  EXPECT_NE(heard.find("X-Bottle-Origin-Status: 302\r\n"), Bytes::npos) << heard;
  const auto told = co_await news(*front);
  const auto head = expect<HeadNews>(told);
  EXPECT_EQ(head.head.status, 302);
  EXPECT_EQ(head.head.fields.count("set-cookie"), 2U);
}
TEST_F(Exit, ARedirectIsShownAsWhatTheScannerDoesNotFollow) { play(redirect()); }

awaitable<void> Exit::no_body(std::string method, int status) {
  auto front = admit(admission("a-1", method));
  origins.head.status = status;
  if (method == "HEAD") origins.head.content_length = 1234;
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed("", method + " /v1?q=1"));
  const Bytes heard = co_await scanner.hear("\r\n\r\n");
  EXPECT_TRUE(heard.ends_with("\r\n\r\n")) << heard;
  const auto first = co_await news(*front);
  const auto head = expect<HeadNews>(first);
  EXPECT_EQ(head.head.status, status);
  EXPECT_EQ(head.head.content_length.has_value(), method == "HEAD");
  const auto second = co_await news(*front);
  const auto end = expect<EndNews>(second);
  EXPECT_EQ(end.bytes, 0U);
  EXPECT_EQ(end.digest, sha256(""));
}
TEST_F(Exit, HeadHasItsLengthAndNoBody) { play(no_body("HEAD", 200)); }
TEST_F(Exit, NoContentHasNoBody) { play(no_body("GET", 204)); }
TEST_F(Exit, NotModifiedHasNoBody) { play(no_body("GET", 304)); }

awaitable<void> Exit::posts(std::size_t size) {
  const Bytes body(size, 'p');
  auto front = admit(admission("a-1", "POST", body));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed_post(body));
  co_await scanner.hear("HTTP/1.1 200 ");
  EXPECT_EQ(origins.asked, 1);
  if (origins.asked != 1) co_return;
  EXPECT_EQ(origins.bodies[0], body);
  EXPECT_EQ(origins.heads[0].content_length, size);
  EXPECT_TRUE(origins.heads[0].has_body);
  EXPECT_EQ(spool->held(), 0U);
}
TEST_F(Exit, ABodyGoesOutAsItWasScanned) { play(posts(10)); }
TEST_F(Exit, ABigBodyGoesOutAsItWasScanned) { play(posts(700'000)); }

awaitable<void> Exit::chunked_post() {
  auto front = admit(admission("a-1", "POST", "abcdef"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed("Transfer-Encoding: chunked\r\n", "POST /v1?q=1") +
                       "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  co_await scanner.hear("HTTP/1.1 200 ");
  EXPECT_EQ(origins.bodies, std::vector<Bytes>{"abcdef"});
}
TEST_F(Exit, AChunkedBodyIsTheSameBody) { play(chunked_post()); }

awaitable<void> Exit::two_requests() {
  ScannersEnd scanner = connect();
  for (const char* id : {"a-1", "a-2"}) {
    auto front = admit(admission(id));
    origins.answer = id;
    scanner.forget();
    co_await scanner.say(relayed());
    const Bytes heard = co_await scanner.hear(std::string("\r\n\r\n") + id);
    EXPECT_NE(heard.find(std::string("X-Bottle-Exchange: ") + id + "\r\n"), Bytes::npos) << heard;
  }
  EXPECT_EQ(origins.asked, 2);
}
TEST_F(Exit, AConnectionServesOneExchangeAfterAnother) { play(two_requests()); }

awaitable<void> Exit::interims() {
  ResponseHead hints;
  hints.status = 103;
  hints.fields.add("Link", "</a.css>");
  origins.interims = {hints, hints};
  origins.answer = "x";
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("\r\n\r\nx");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
  for (int i = 0; i < 2; ++i) {
    const auto told = co_await news(*front);
    EXPECT_EQ(expect<InterimNews>(told).head.fields.find("link"), "</a.css>");
  }
  const auto told = co_await news(*front);
  expect<HeadNews>(told);
}
TEST_F(Exit, InterimHeadsGoToTheFrontAlone) { play(interims()); }

awaitable<void> Exit::grpc() {
  origins.protocol = "h2";
  origins.live = true;
  origins.feed.push("message");
  origins.feed.trailers.emplace();
  origins.feed.trailers->add("grpc-status", "0");
  origins.feed.finish();
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("\r\n0\r\n\r\n");
  EXPECT_EQ(heard.find("grpc-status"), Bytes::npos);
  const auto first = co_await news(*front);
  EXPECT_TRUE(expect<HeadNews>(first).h2);
  const auto second = co_await news(*front);
  const auto end = expect<EndNews>(second);
  EXPECT_TRUE(end.trailers.has_value());
  if (end.trailers) {
    EXPECT_EQ(end.trailers->find("grpc-status"), "0");
  }
}
TEST_F(Exit, TrailersGoToTheFront) { play(grpc()); }

}  // namespace
}  // namespace bottle
