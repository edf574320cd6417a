// The proxy's own port with a doorkeeper: which client is asked for a password, how often, and what
// goes on.
#include "proxy/http/doorkeeper.h"
#include "proxy/http/http1_session.h"
#include "tests/session/session_bench.h"

namespace bottle {
namespace {

using namespace test;
using Arrival = Http1Session::Arrival;

// Requires the password "letmein".
class Password final : public Doorkeeper {
 public:
  [[nodiscard]] std::optional<Failure> check(const Fields& fields) const override {
    if (fields.find("proxy-authorization") == "letmein") return std::nullopt;
    return Failure(Code::ProxyAuth, "who are you?");
  }
};

constexpr std::string_view kPlain = "GET http://a.test/a HTTP/1.1\r\nHost: a.test\r\n\r\n";
constexpr std::string_view kConnect = "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n";

// The request with what lets it in.
Bytes with_password(std::string_view request, std::string_view password = "letmein") {
  Bytes out(request.substr(0, request.size() - 2));
  return out.append("Proxy-Authorization: ").append(password).append("\r\n\r\n");
}

class ProxyAuth : public SessionBench {
 protected:
  ProxyAuth() : SessionBench(Protocol::H1) { doorkeeper = &password_; }

  // A client that sends `says` and reads until the end.
  awaitable<void> hear(Bytes says, Arrival arrival) {
    start(arrival);
    co_await say(says);
    std::vector<char> buffer(16 * 1024);
    Deadline patience(wheel, pipe.a(), kLong);
    for (;;) {
      const IoResult got = co_await pipe.a().read_some(ByteSpan(buffer));
      if (!got.ok()) break;
      heard.append(buffer.data(), got.n);
    }
    EXPECT_FALSE(patience.fired()) << "the session does not end; so far: " << heard;
    if (patience.fired()) pipe.a().close();
    co_await tasks.join();
  }
  void tell(const Bytes& says, Arrival arrival = Arrival::Listener) { play(hear(says, arrival)); }
  [[nodiscard]] std::size_t count(std::string_view what) const {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = heard.find(what, at)) != Bytes::npos; ++at) ++n;
    return n;
  }
  [[nodiscard]] int answers_407() const {
    int n = 0;
    for (const Finished& line : handler.log) n += line.status == 407 ? 1 : 0;
    return n;
  }

  Bytes heard;

 private:
  Password password_;
};

TEST_F(ProxyAuth, WithThePasswordAConnectGoesThrough) {
  tell(with_password(kConnect) + "early");
  ASSERT_TRUE(h1_end.connect.has_value());
  EXPECT_EQ(h1_end.connect->destination.host_port(), "a.test:443");
  EXPECT_EQ(h1_end.connect->early, "early");
  EXPECT_EQ(heard, "");
}

TEST_F(ProxyAuth, AfterA407TheSameConnectionMayTryAgain) {
  tell(Bytes(kConnect) + with_password(kConnect, "wrong") + with_password(kConnect));
  EXPECT_TRUE(h1_end.connect.has_value()) << heard;
  EXPECT_EQ(count("HTTP/1.1 407 "), 2U) << heard;
  EXPECT_EQ(count("Connection: close"), 0U) << heard;
  EXPECT_EQ(answers_407(), 2);
}

TEST_F(ProxyAuth, AfterAFewFailuresTheConnectionCloses) {
  Bytes says;
  for (int i = 0; i < kMaxAuthFailures; ++i) says += with_password(kConnect, "wrong");
  tell(says + with_password(kConnect));
  EXPECT_FALSE(h1_end.connect.has_value()) << "the right one came too late";
  EXPECT_EQ(answers_407(), kMaxAuthFailures);
  EXPECT_EQ(count("Connection: close"), 1U) << heard;
}

TEST_F(ProxyAuth, EveryRequestHasToShowIt) {
  tell(with_password(kPlain) + Bytes(kPlain) + with_password(kPlain, "wrong") +
       with_password(kPlain) + Bytes(kPlain) + with_password(kPlain));
  EXPECT_EQ(handler.handled, 2) << "two were let in, and three were sent back before the last";
  EXPECT_EQ(answers_407(), kMaxAuthFailures);
  for (const RequestHead& head : handler.heads) {
    EXPECT_FALSE(head.fields.has("proxy-authorization")) << "it was for the proxy alone";
  }
}

// Each would be refused in another way by a proxy that asks for no password.
class WithoutPassword : public ProxyAuth, public testing::WithParamInterface<const char*> {};

TEST_P(WithoutPassword, NothingElseIsLearnt) {
  const Bytes request = GetParam();
  tell(request + request + request);
  EXPECT_EQ(answers_407(), 3) << heard;
  EXPECT_EQ(handler.handled, 0);
}

INSTANTIATE_TEST_SUITE_P(Requests, WithoutPassword,
                         testing::Values("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n",
                                         "GET https://a.test/ HTTP/1.1\r\nHost: a\r\n\r\n",
                                         "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
                                         "GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n"));

TEST_F(ProxyAuth, ABodyThatNobodyReadsEndsTheConnection) {
  tell("POST http://a.test/echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello" +
       with_password(kPlain));
  EXPECT_EQ(answers_407(), 1);
  EXPECT_EQ(count("Connection: close"), 1U) << heard;
  EXPECT_EQ(handler.handled, 0) << "a body is no request";
}

TEST_F(ProxyAuth, AnOldClientIsAnsweredAndClosed) {
  tell("GET http://a.test/ HTTP/1.0\r\n\r\n" + with_password(kPlain));
  EXPECT_EQ(answers_407(), 1);
  EXPECT_EQ(handler.handled, 0);
}

TEST_F(ProxyAuth, AHeadRequestGetsNoBody) {
  tell("HEAD http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 407 ")) << heard;
  EXPECT_TRUE(heard.ends_with("\r\n\r\n")) << heard;
}

TEST_F(ProxyAuth, OtherPlacesDoNotAsk) {
  tell("GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", Arrival::Tunnel);
  EXPECT_EQ(handler.handled, 1);
  EXPECT_EQ(answers_407(), 0);
}

}  // namespace
}  // namespace bottle
