// The exit's refusals: nothing that was not admitted reaches an origin, and each try is a line.
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/exit/exit_bench.h"
#include "tests/unit/tls/peer.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using namespace test;

struct Row {
  const char* what;
  std::string request;  // "TICKET" stands for the ticket
  std::string status;
  std::string reason;
  std::string detail;  // a part of the audit line
};

class ExitRefusals : public ExitBench {
 public:
  awaitable<void> keeps_in(const Row& row, bool known);
  awaitable<void> replay();
  awaitable<void> other_body(bool allowed);
  awaitable<void> over_tls();
  awaitable<void> under_way();
  awaitable<void> stale();
  void try_row(const Row& row, bool known) { play(keeps_in(row, known)); }

  // Runs a blocking TLS client beside the loop.
  awaitable<void> tls_client(std::function<void(Client&, Fd&)> body);
};

std::string with_ticket(std::string text, const std::string& ticket) {
  const std::size_t at = text.find("TICKET");
  return at == std::string::npos ? text : text.replace(at, 6, ticket);
}

awaitable<void> ExitRefusals::keeps_in(const Row& row, bool known) {
  auto front = admit(admission("a-1"));
  ScannersEnd scanner = connect();
  co_await scanner.say(with_ticket(row.request, ticket));
  const Bytes heard = co_await scanner.hear("\r\n\r\n");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 " + row.status)) << row.what << ": " << heard;
  EXPECT_EQ(origins.asked, 0) << row.what;
  EXPECT_FALSE(front->began()) << row.what;
  const std::string logged = line();
  EXPECT_NE(logged.find("\"kind\":\"refused_at_exit\""), std::string::npos) << logged;
  EXPECT_NE(logged.find("\"by\":\"exit\""), std::string::npos) << logged;
  EXPECT_NE(logged.find("\"reason\":\"" + row.reason + "\""), std::string::npos) << logged;
  EXPECT_NE(logged.find(row.detail), std::string::npos) << row.what << ": " << logged;
  EXPECT_EQ(logged.find("secret"), std::string::npos) << logged;
  if (known) {
    const auto told = co_await news(*front);
    const auto failed = expect<FailureNews>(told);
    EXPECT_EQ(failed.failure.reason, row.reason);
    EXPECT_EQ(failed.by, DecidedBy::Exit);
  } else {
    EXPECT_FALSE(front->next().has_value());
    EXPECT_FALSE(front->claimed());
  }
}

const std::string kTail = "Host: api.test\r\nAccept: */*\r\nX-Bottle-Exchange: TICKET\r\n\r\n";

TEST_F(ExitRefusals, WithoutATicket) {
  try_row(
      {"fetch", "GET /secret HTTP/1.1\r\nHost: api.test\r\n\r\n", "403 ", "no_ticket", "api.test"},
      false);
}
TEST_F(ExitRefusals, WithTwoTickets) {
  try_row({"two",
           "GET /v1?q=1 HTTP/1.1\r\nHost: api.test\r\nAccept: */*\r\nX-Bottle-Exchange: TICKET\r\n"
           "X-Bottle-Exchange: b\r\n\r\n",
           "403 ", "no_ticket", "api.test"},
          false);
}
TEST_F(ExitRefusals, WithAForgedTicket) {
  try_row({"forged",
           "GET /v1?q=1 HTTP/1.1\r\nHost: api.test\r\nAccept: */*\r\nX-Bottle-Exchange: a-1." +
               std::string(64, 'a') + "\r\n\r\n",
           "403 ", "no_ticket", "api.test"},
          false);
}
TEST_F(ExitRefusals, OfAnExchangeThatNeverWas) {
  try_row({"unknown",
           "GET /v1?q=1 HTTP/1.1\r\nHost: api.test\r\nAccept: */*\r\nX-Bottle-Exchange: a-2." +
               std::string(64, 'a') + "\r\n\r\n",
           "403 ", "stale_ticket", "api.test"},
          false);
}
TEST_F(ExitRefusals, AnotherMethod) {
  try_row({"method", "DELETE /v1?q=1 HTTP/1.1\r\n" + kTail, "403 ", "exit_mismatch", "method"},
          true);
}
TEST_F(ExitRefusals, AnotherPath) {
  try_row({"path", "GET /secret?q=1 HTTP/1.1\r\n" + kTail, "403 ", "exit_mismatch", "path"}, true);
}
TEST_F(ExitRefusals, AnotherQuery) {
  try_row({"query", "GET /v1?q=secret HTTP/1.1\r\n" + kTail, "403 ", "exit_mismatch", "query"},
          true);
}
TEST_F(ExitRefusals, AnotherHost) {
  try_row(
      {"host",
       "GET /v1?q=1 HTTP/1.1\r\nHost: b.test\r\nAccept: */*\r\nX-Bottle-Exchange: TICKET\r\n\r\n",
       "403 ", "exit_mismatch", "host"},
      true);
}
TEST_F(ExitRefusals, AnotherPort) {
  try_row({"port",
           "GET /v1?q=1 HTTP/1.1\r\nHost: api.test:8080\r\nAccept: */*\r\n"
           "X-Bottle-Exchange: TICKET\r\n\r\n",
           "403 ", "exit_mismatch", "port"},
          true);
}
TEST_F(ExitRefusals, AFieldMore) {
  try_row({"more", "GET /v1?q=1 HTTP/1.1\r\nX-More: secret\r\n" + kTail, "403 ", "exit_mismatch",
           "field x-more"},
          true);
}
TEST_F(ExitRefusals, AFieldLess) {
  try_row({"less", "GET /v1?q=1 HTTP/1.1\r\nHost: api.test\r\nX-Bottle-Exchange: TICKET\r\n\r\n",
           "403 ", "exit_mismatch", "field accept"},
          true);
}
TEST_F(ExitRefusals, AFieldWithAnotherValue) {
  try_row({"value",
           "GET /v1?q=1 HTTP/1.1\r\nHost: api.test\r\nAccept: secret\r\n"
           "X-Bottle-Exchange: TICKET\r\n\r\n",
           "403 ", "exit_mismatch", "field accept"},
          true);
}
TEST_F(ExitRefusals, ABodyWhereThereWasNone) {
  try_row({"body", "GET /v1?q=1 HTTP/1.1\r\nContent-Length: 6\r\n" + kTail + "secret", "403 ",
           "exit_mismatch", "body"},
          true);
}
TEST_F(ExitRefusals, AConnect) {
  try_row({"connect", "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n", "501 ",
           "bad_method", ""},
          false);
}
TEST_F(ExitRefusals, WhatIsNoHttp) {
  try_row({"rubbish", "rubbish\r\n\r\n", "400 ", "bad_request_line", ""}, false);
}

awaitable<void> ExitRefusals::replay() {
  auto front = admit(admission("a-1"));
  origins.answer = "x";
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  co_await scanner.hear("\r\n\r\nx");
  scanner.forget();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("\r\n\r\n");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 403 ")) << heard;
  EXPECT_EQ(origins.asked, 1);
  EXPECT_NE(line().find("\"reason\":\"used_ticket\""), std::string::npos);
}
TEST_F(ExitRefusals, ATicketThatWasUsed) { play(replay()); }

awaitable<void> ExitRefusals::stale() {
  auto front = admit(admission("a-1"));
  front.reset();
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed());
  const Bytes heard = co_await scanner.hear("\r\n\r\n");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 403 ")) << heard;
  EXPECT_EQ(origins.asked, 0);
  EXPECT_NE(line().find("\"reason\":\"stale_ticket\""), std::string::npos);
}
TEST_F(ExitRefusals, ATicketOfAnExchangeThatIsOver) { play(stale()); }

awaitable<void> ExitRefusals::other_body(bool allowed) {
  auto front = admit(admission("a-1", "POST", "my secret"));
  ScannersEnd scanner = connect();
  co_await scanner.say(relayed_post("my [REDACTED]"));
  const Bytes heard = co_await scanner.hear("\r\n\r\n");
  const auto told = co_await news(*front);
  if (allowed) {
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
    expect<BodyChangedNews>(told);
    EXPECT_EQ(origins.bodies, std::vector<Bytes>{"my [REDACTED]"});
    EXPECT_EQ(origins.heads.at(0).content_length, 13U);
  } else {
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 403 ")) << heard;
    EXPECT_EQ(expect<FailureNews>(told).failure.reason, "exit_mismatch");
    EXPECT_EQ(origins.asked, 0);
    EXPECT_NE(line().find("another body"), std::string::npos);
  }
}
TEST_F(ExitRefusals, AnotherBody) { play(other_body(false)); }
TEST_F(ExitRefusals, AnotherBodyGoesOutIfTheScannerMayChangeIt) {
  limits.scanner_may_change_bodies = true;
  play(other_body(true));
}

// ---- TLS ---------------------------------------------------------------------------------------

awaitable<void> wait_until(const bool& done) {
  for (int i = 0; i < 1000 && !done; ++i) {
    const bool slept = co_await sleep_for(10ms);
    static_cast<void>(slept);
  }
}

awaitable<void> ExitRefusals::tls_client(std::function<void(Client&, Fd&)> body) {
  bool done = false;
  Thread thread([&] {
    Client client(ca->root_pem());
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ADD_FAILURE() << "no connection";
    } else {
      body(client, fd);
    }
    asio::post(io, [&done] { done = true; });
  });
  co_await wait_until(done);
  thread.join();
}

awaitable<void> ExitRefusals::over_tls() {
  Admission admitted = admission("a-1");
  admitted.scheme = Scheme::Https;
  admitted.scanned.head.scheme = Scheme::Https;
  admitted.destination = parse_authority("api.test", 443).value();
  auto front = admit(admitted);
  origins.answer = "over TLS";
  Bytes heard;
  const auto two_requests = [&](Client& client, Fd& fd) {
    client.use(fd, "api.test");
    EXPECT_EQ(client.connect(), 0);
    client.write(relayed());
    heard = client.read(30);
    // A host that the connection did not name.
    client.write("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n");
    heard += client.read(4000);
  };
  co_await tls_client(two_requests);
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
  EXPECT_NE(heard.find("over TLS"), Bytes::npos) << heard;
  EXPECT_NE(heard.find("HTTP/1.1 421 "), Bytes::npos) << heard;
  EXPECT_EQ(origins.to, std::vector<std::string>{"api.test:443"});
  EXPECT_NE(line().find("\"reason\":\"misdirected\""), std::string::npos);
}
TEST_F(ExitRefusals, AnotherHostThanTheHandshakeNamed) { play(over_tls()); }

// The host was denied since, and the scanner was shown a port where the exit listens.
awaitable<void> ExitRefusals::under_way() {
  Admission admitted = admission("a-1");
  admitted.scheme = Scheme::Https;
  admitted.scanned.head.scheme = Scheme::Https;
  admitted.destination = parse_authority("gone.test:8443", std::nullopt).value();
  admitted.scanned_port = 443;
  admitted.scanned.head.authority = "gone.test";
  Bytes heard;
  const auto request = [&](Client& client, Fd& fd) {
    client.use(fd, "gone.test");
    EXPECT_EQ(client.connect(), 0);
    std::string text = relayed();
    text.replace(text.find("api.test"), 8, "gone.test");
    client.write(text);
    heard = client.read(30);
  };
  {
    const auto front = admit(admitted);
    EXPECT_TRUE(ledger.expects("gone.test"));
    co_await tls_client(request);
  }
  EXPECT_FALSE(ledger.expects("gone.test"));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
  EXPECT_EQ(origins.to, std::vector<std::string>{"gone.test:8443"});
}
TEST_F(ExitRefusals, WhatWasAdmittedBeforeThePolicyChanged) { play(under_way()); }

TEST_F(ExitRefusals, ANameThatPolicyDoesNotHave) {
  int reason = 0;
  play(tls_client([&](Client& client, Fd& fd) {
    client.use(fd, "evil.test");
    reason = client.connect();
  }));
  EXPECT_EQ(reason, SSL_AD_REASON_OFFSET + SSL_AD_UNRECOGNIZED_NAME);
  const std::string logged = line();
  EXPECT_NE(logged.find("\"reason\":\"host_not_allowed\""), std::string::npos) << logged;
  EXPECT_NE(logged.find("\"host\":\"evil.test\""), std::string::npos) << logged;
  EXPECT_NE(logged.find("\"by\":\"exit\""), std::string::npos) << logged;
}

TEST_F(ExitRefusals, AHandshakeWithoutAName) {
  play(tls_client([](Client& client, Fd& fd) {
    client.use(fd, "");
    EXPECT_NE(client.connect(), 0);
  }));
  EXPECT_NE(line().find("\"reason\":\"sni_missing\""), std::string::npos);
}

}  // namespace
}  // namespace bottle
