#include "proxy/tls/tls_acceptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <functional>

#include "proxy/tls/client_hello.h"
#include "tests/unit/tls/peer.h"

namespace bottle {
namespace {

using test::Client;
using test::connected_pair;
using test::name_of;
using test::offer_of;
using test::Pair;
using test::Thread;

constexpr int alert_reason(int alert) { return SSL_AD_REASON_OFFSET + alert; }

struct Accepted {
  Result<Secured> result = Failure{Code::Internal, "not run"};
};

awaitable<void> accept_into(TlsAcceptor& acceptor, asio::ip::tcp::socket socket, Bytes early,
                            ServerName name, Accepted& out) {
  Result<Secured> result =
      co_await acceptor.accept(std::move(socket), std::move(early), std::move(name));
  out.result = std::move(result);
}

// Lets one name in.
struct Gate final : NameGate {
  explicit Gate(std::string name_in) : name(std::move(name_in)) {}
  Result<LeafFor> admit(const ServerName& asked) override {
    ++questions;
    if (asked.text() == name) return why;
    return Failure{Code::Denied, "not here", "host_not_allowed"};
  }
  std::string name;
  LeafFor why = LeafFor::Allowed;
  int questions = 0;
};

awaitable<void> accept_named_into(TlsAcceptor& acceptor, asio::ip::tcp::socket socket,
                                  NameGate& gate, Accepted& out) {
  Result<Secured> result = co_await acceptor.accept_by_name(std::move(socket), Bytes(), gate);
  out.result = std::move(result);
}

class Acceptor : public ::testing::Test {
 protected:
  // The proxy's side of one handshake, beside a client in a thread.
  Result<Secured> accept(asio::ip::tcp::socket socket, const std::string& name, Bytes early = {}) {
    Accepted out;
    test::run(worker_,
              accept_into(acceptor_, std::move(socket), std::move(early), name_of(name), out));
    return std::move(out.result);
  }

  // Both sides; the client's result in `client_reason_`.
  Result<Secured> shake(Client& client, const std::string& destination, const std::string& sni,
                        const std::string& alpn = {}) {
    return both_sides(client, sni, alpn, [&](asio::ip::tcp::socket socket, Accepted& out) {
      return accept_into(acceptor_, std::move(socket), {}, name_of(destination), out);
    });
  }

  // The same where the client's own SNI is the destination.
  Result<Secured> shake_by_name(TlsAcceptor& acceptor, Client& client, NameGate& gate,
                                const std::string& sni, const std::string& alpn = {}) {
    return both_sides(client, sni, alpn, [&](asio::ip::tcp::socket socket, Accepted& out) {
      return accept_named_into(acceptor, std::move(socket), gate, out);
    });
  }

  using Accepting = std::function<awaitable<void>(asio::ip::tcp::socket, Accepted&)>;
  Result<Secured> both_sides(Client& client, const std::string& sni, const std::string& alpn,
                             const Accepting& accepting) {
    Pair pair = connected_pair(worker_.io);
    client.use(pair.theirs, sni);
    if (!alpn.empty()) client.offer(alpn);
    if (client.session) SSL_set_session(client.ssl.get(), client.session.get());
    Thread thread([&] {
      client_reason_ = client.connect();
      // A ticket comes after the handshake: wait for the byte below.
      if (client_reason_ == 0) client.read(1);
    });
    Accepted out;
    test::run(worker_, accepting(std::move(pair.ours), out));
    if (out.result) test::run(worker_, say(*out.result->stream));
    thread.join();
    return std::move(out.result);
  }

  // Whether another acceptor takes up the session that the client has for a.test.
  bool resumed_at(TlsAcceptor& acceptor) {
    Pair pair = connected_pair(worker_.io);
    client_.use(pair.theirs, "a.test");
    SSL_set_session(client_.ssl.get(), client_.session.get());
    Thread thread([&] { client_reason_ = client_.connect(); });
    Accepted out;
    test::run(worker_, accept_into(acceptor, std::move(pair.ours), {}, name_of("a.test"), out));
    EXPECT_TRUE(out.result.has_value());
    return out.result && out.result->stream->resumed();
  }

  static awaitable<void> say(TlsStream& stream) {
    const IoResult wrote = co_await stream.write_all("!");
    EXPECT_TRUE(wrote.ok());
  }

  test::Worker worker_;
  TlsAcceptor acceptor_{*worker_.ca, worker_.leaves, worker_.tickets, worker_.wheel,
                        worker_.buffers};
  Client client_{worker_.ca->root_pem()};
  int client_reason_ = 0;
};

TEST_F(Acceptor, ChoosesAlpnByOurPreference) {
  struct Row {
    std::string offered;
    std::string chosen;
    Alpn alpn;
  };
  const std::vector<Row> rows{{offer_of({"h2", "http/1.1"}), "h2", Alpn::Http2},
                              {offer_of({"http/1.1", "h2"}), "h2", Alpn::Http2},
                              {offer_of({"h2"}), "h2", Alpn::Http2},
                              {offer_of({"acme-tls/1", "http/1.1"}), "http/1.1", Alpn::Http1},
                              {"", "", Alpn::Http1}};
  for (const Row& row : rows) {
    Client client(worker_.ca->root_pem());
    const Result<Secured> result = shake(client, "api.test", "api.test", row.offered);
    ASSERT_TRUE(result.has_value()) << result.error().detail;
    EXPECT_EQ(client_reason_, 0);
    EXPECT_EQ(client.alpn(), row.chosen);
    EXPECT_EQ(result->alpn, row.alpn);
  }
}

TEST_F(Acceptor, OnlyUnknownAlpnIsFatal) {
  const Result<Secured> result = shake(client_, "api.test", "api.test", offer_of({"acme-tls/1"}));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().reason, "no_application_protocol");
  EXPECT_EQ(client_reason_, alert_reason(SSL_AD_NO_APPLICATION_PROTOCOL));
}

TEST_F(Acceptor, OtherSniGetsAnAlertBeforeALeafIsMinted) {
  for (const std::string sni : {"evil.test", "xapi.test", "api.test.evil.test", "192.0.2.1"}) {
    Client client(worker_.ca->root_pem());
    const Result<Secured> result = shake(client, "api.test", sni);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, Code::Misdirected);
    EXPECT_EQ(result.error().reason, "sni_mismatch");
    EXPECT_EQ(client_reason_, alert_reason(SSL_AD_UNRECOGNIZED_NAME)) << sni;
  }
  EXPECT_EQ(worker_.leaves.minted(), 0U);
}

TEST_F(Acceptor, SniMayDifferInCaseAndMayBeAbsent) {
  Client upper(worker_.ca->root_pem());
  EXPECT_TRUE(shake(upper, "api.test", "API.Test").has_value());
  Client none(worker_.ca->root_pem());
  EXPECT_TRUE(shake(none, "api.test", "").has_value());
  Client address(worker_.ca->root_pem());
  EXPECT_TRUE(shake(address, "2001:db8::7", "2001:DB8:0::7").has_value());
}

TEST_F(Acceptor, NegotiatesWhatTheDesignSays) {
  ASSERT_TRUE(shake(client_, "api.test", "api.test").has_value());
  EXPECT_STREQ(SSL_get_version(client_.ssl.get()), "TLSv1.3");
  // The client offers AES-256 first.
  EXPECT_STREQ(SSL_get_cipher_name(client_.ssl.get()), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(SSL_get_negotiated_group(client_.ssl.get()), NID_X25519);
}

TEST_F(Acceptor, RefusesOldVersionsAndWeakCiphers) {
  {
    Client client(worker_.ca->root_pem());
    SSL_CTX_set_security_level(client.context.get(), 0);
    SSL_CTX_set_min_proto_version(client.context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client.context.get(), TLS1_1_VERSION);
    EXPECT_FALSE(shake(client, "api.test", "api.test").has_value());
    EXPECT_EQ(client_reason_, alert_reason(SSL_AD_PROTOCOL_VERSION));
  }
  for (const char* weak : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",
                           "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"}) {
    Client client(worker_.ca->root_pem());
    SSL_CTX_set_max_proto_version(client.context.get(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(client.context.get(), weak);
    EXPECT_FALSE(shake(client, "api.test", "api.test").has_value()) << weak;
    EXPECT_EQ(client_reason_, alert_reason(SSL_AD_HANDSHAKE_FAILURE)) << weak;
  }
}

TEST_F(Acceptor, AsksForAnotherGroupWhenItMust) {
  // The client's key share is for P-521, which we do not have: a HelloRetryRequest.
  SSL_CTX_set1_groups_list(client_.context.get(), "P-521:P-256");
  ASSERT_TRUE(shake(client_, "api.test", "api.test").has_value());
  EXPECT_EQ(SSL_get_negotiated_group(client_.ssl.get()), NID_X9_62_prime256v1);
}

// [T59]
TEST_F(Acceptor, RefusesClientsThatHaveExpensiveGroupsAlone) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(worker_.ca->root_pem());
    SSL_CTX_set_max_proto_version(client.context.get(), version);
    SSL_CTX_set1_groups_list(client.context.get(), "P-384:P-521:X448");
    EXPECT_FALSE(shake(client, "api.test", "api.test").has_value());
    EXPECT_EQ(client_reason_, alert_reason(SSL_AD_HANDSHAKE_FAILURE));
  }
}

TEST_F(Acceptor, ServesTls12) {
  SSL_CTX_set_max_proto_version(client_.context.get(), TLS1_2_VERSION);
  const Result<Secured> result = shake(client_, "api.test", "api.test", offer_of({"h2"}));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->stream->protocol(), "TLSv1.2");
  EXPECT_STREQ(SSL_get_cipher_name(client_.ssl.get()), "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST_F(Acceptor, GivesOneTicketWithoutEarlyData) {
  ASSERT_TRUE(shake(client_, "api.test", "api.test").has_value());
  EXPECT_EQ(client_.tickets, 1);
  ASSERT_TRUE(client_.session);
  EXPECT_EQ(SSL_SESSION_get_max_early_data(client_.session.get()), 0U);
}

TEST_F(Acceptor, ResumesForTheSameHostOnly) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(worker_.ca->root_pem());
    SSL_CTX_set_max_proto_version(client.context.get(), version);
    ASSERT_TRUE(shake(client, "a.test", "a.test").has_value());
    ASSERT_TRUE(client.session);
    Result<Secured> again = shake(client, "a.test", "a.test");
    ASSERT_TRUE(again.has_value());
    EXPECT_TRUE(again->stream->resumed());
    // The client offers a.test's ticket to b.test.
    Result<Secured> other = shake(client, "b.test", version == TLS1_2_VERSION ? "" : "b.test");
    ASSERT_TRUE(other.has_value()) << other.error().detail;
    EXPECT_FALSE(other->stream->resumed());
  }
}

// A client may use each once.
TEST_F(Acceptor, EachResumedConnectionGetsATicketForTheNext) {
  for (int connections = 1; connections <= 4; ++connections) {
    Result<Secured> secured = shake(client_, "a.test", "a.test");
    ASSERT_TRUE(secured.has_value());
    EXPECT_EQ(secured->stream->resumed(), connections > 1);
    EXPECT_EQ(client_.tickets, connections);
  }
}

TEST_F(Acceptor, AnotherWorkersAcceptorTakesTheTicket) {
  ASSERT_TRUE(shake(client_, "a.test", "a.test").has_value());
  TlsAcceptor second(*worker_.ca, worker_.leaves, worker_.tickets, worker_.wheel, worker_.buffers);
  EXPECT_TRUE(resumed_at(second));
}

TEST_F(Acceptor, TicketKeysOfAnotherProcessAreWorthNothing) {
  ASSERT_TRUE(shake(client_, "a.test", "a.test").has_value());
  const TicketKeys other_keys;
  TlsAcceptor other(*worker_.ca, worker_.leaves, other_keys, worker_.wheel, worker_.buffers);
  EXPECT_FALSE(resumed_at(other));
}

TEST_F(Acceptor, RefusesRenegotiation) {
  SSL_CTX_set_max_proto_version(client_.context.get(), TLS1_2_VERSION);
  Result<Secured> result = shake(client_, "api.test", "api.test");
  ASSERT_TRUE(result.has_value());
  // The socket of shake()'s pair is gone by now; the option is what the SSL says.
  EXPECT_NE(SSL_get_options(result->stream->ssl()) & SSL_OP_NO_RENEGOTIATION, 0U);
}

TEST_F(Acceptor, TakesAHelloOneByteASegment) {
  Pair pair = connected_pair(worker_.io);
  client_.ssl.reset(SSL_new(client_.context.get()));
  SSL_set_tlsext_host_name(client_.ssl.get(), "api.test");
  BIO* from_server = BIO_new(BIO_s_mem());
  BIO* to_server = BIO_new(BIO_s_mem());
  SSL_set_bio(client_.ssl.get(), from_server, to_server);
  bool connected = false;
  Thread thread([&] {
    for (int round = 0; round < 50 && !connected; ++round) {
      connected = SSL_connect(client_.ssl.get()) == 1;
      std::array<char, 16384> block{};
      for (int n = 0; (n = BIO_read(to_server, block.data(), block.size())) > 0;) {
        for (int i = 0; i < n; ++i)
          ::send(pair.theirs.get(), &block[static_cast<std::size_t>(i)], 1, 0);
      }
      if (connected) break;
      const ssize_t got = ::recv(pair.theirs.get(), block.data(), block.size(), 0);
      if (got <= 0) break;
      BIO_write(from_server, block.data(), static_cast<int>(got));
    }
  });
  const Result<Secured> result = accept(std::move(pair.ours), "api.test");
  thread.join();
  EXPECT_TRUE(connected);
  EXPECT_TRUE(result.has_value());
}

TEST_F(Acceptor, BytesReadAheadComeFirst) {
  Pair pair = connected_pair(worker_.io);
  client_.use(pair.theirs, "api.test");
  Thread thread([&] { client_reason_ = client_.connect(); });
  std::string early(5, '\0');
  pair.ours.read_some(asio::buffer(early));
  const Result<Secured> result = accept(std::move(pair.ours), "api.test", early);
  thread.join();
  EXPECT_TRUE(result.has_value());
  EXPECT_EQ(client_reason_, 0);
}

TEST_F(Acceptor, RefusesWhatIsNotTls) {
  const std::vector<std::string> starts{
      "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n",
      std::string("\x80\x2e\x01\x03\x01", 5) + std::string(43, '\0'),  // an SSLv2 hello
      std::string("\x17\x03\x03\x00\x01x", 6), std::string("\x15\x03\x01\x00\x02\x01\x00", 7)};
  for (const bool ahead : {false, true}) {
    for (const std::string& start : starts) {
      Pair pair = connected_pair(worker_.io);
      if (!ahead) {
        ASSERT_EQ(::send(pair.theirs.get(), start.data(), start.size(), 0),
                  static_cast<ssize_t>(start.size()));
      }
      const Result<Secured> result =
          accept(std::move(pair.ours), "api.test", ahead ? start : std::string());
      ASSERT_FALSE(result.has_value());
      EXPECT_EQ(result.error().code, Code::ClientBad);
      EXPECT_EQ(result.error().reason, "not_tls");
    }
  }
}

std::string record(const std::string& body) {
  return std::string("\x16\x03\x01", 3) + static_cast<char>(body.size() >> 8U) +
         static_cast<char>(body.size() & 0xffU) + body;
}

TEST_F(Acceptor, RefusesAHelloBeyondTheLimit) {
  // A ClientHello that says it has 60 000 bytes, in records of 1 000.
  std::string hello("\x01\x00\xea\x60\x03\x03", 6);
  hello.resize(60'000, 'x');
  std::string wire;
  for (std::size_t at = 0; at < hello.size(); at += 1000) wire += record(hello.substr(at, 1000));
  Pair pair = connected_pair(worker_.io);
  ASSERT_GT(::send(pair.theirs.get(), wire.data(), 40'000, 0), 30'000);
  const Result<Secured> result = accept(std::move(pair.ours), "api.test");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().reason, "client_hello_too_large");
  std::array<char, 64> got{};
  const auto size = ::recv(pair.theirs.get(), got.data(), got.size(), 0);
  ASSERT_EQ(size, 7) << "an alert, and no reset that destroys it";
  EXPECT_EQ(got[0], 21);
  EXPECT_EQ(got[6], SSL_AD_ILLEGAL_PARAMETER);
}

TEST_F(Acceptor, RefusesASlowHello) {
  TlsAcceptorLimits limits;
  limits.client_hello = std::chrono::milliseconds(60);
  TlsAcceptor hasty(*worker_.ca, worker_.leaves, worker_.tickets, worker_.wheel, worker_.buffers,
                    limits);
  Pair pair = connected_pair(worker_.io);
  const std::string start = record(std::string(1, '\x01'));
  ::send(pair.theirs.get(), start.data(), start.size(), 0);
  Accepted out;
  test::run(worker_, accept_into(hasty, std::move(pair.ours), {}, name_of("api.test"), out));
  ASSERT_FALSE(out.result.has_value());
  EXPECT_EQ(out.result.error().code, Code::ClientSlow);
  EXPECT_EQ(out.result.error().reason, "client_hello");
}

TEST_F(Acceptor, SaysThatTheClientLeft) {
  Pair pair = connected_pair(worker_.io);
  pair.theirs.reset();
  const Result<Secured> result = accept(std::move(pair.ours), "api.test");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Code::ClientGone);
}

TEST_F(Acceptor, SaysThatTheClientDoesNotTrustUs) {
  Client stranger(test::Worker::make_ca()->root_pem());
  const Result<Secured> result = shake(stranger, "api.test", "api.test");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().reason, "ca_refused");
  EXPECT_THAT(result.error().detail, ::testing::HasSubstr("unknown ca"));
}

TEST_F(Acceptor, TooManyNamesIsOverload) {
  LeafCacheLimits limits;
  limits.new_names_a_minute = 1;
  LeafCache few(*worker_.ca, limits);
  TlsAcceptor acceptor(*worker_.ca, few, worker_.tickets, worker_.wheel, worker_.buffers);
  for (const std::string name : {"a.test", "b.test"}) {
    Client client(worker_.ca->root_pem());
    Pair pair = connected_pair(worker_.io);
    client.use(pair.theirs, name);
    Thread thread([&] { client_reason_ = client.connect(); });
    Accepted out;
    test::run(worker_, accept_into(acceptor, std::move(pair.ours), {}, name_of(name), out));
    thread.join();
    if (name == "a.test") {
      EXPECT_TRUE(out.result.has_value());
      continue;
    }
    ASSERT_FALSE(out.result.has_value());
    EXPECT_EQ(out.result.error().code, Code::Overloaded);
    EXPECT_EQ(out.result.error().reason, "too_many_names");
  }
}

TEST_F(Acceptor, RefusedNamesHaveAnAllowanceOfTheirOwn) {
  LeafCacheLimits limits;
  limits.refusals_a_minute = 1;
  LeafCache few(*worker_.ca, limits);
  TlsAcceptor acceptor(*worker_.ca, few, worker_.tickets, worker_.wheel, worker_.buffers);
  EXPECT_TRUE(acceptor.has_leaf_for_refusal(name_of("a.test")));
  struct Row {
    const char* name;
    LeafFor why;
    bool goes;
  };
  for (const Row& row :
       {Row{"a.test", LeafFor::Refusal, true}, Row{"b.test", LeafFor::Refusal, false},
        Row{"c.test", LeafFor::Allowed, true}}) {
    Gate gate(row.name);
    gate.why = row.why;
    Client client(worker_.ca->root_pem());
    const Result<Secured> result = shake_by_name(acceptor, client, gate, row.name);
    EXPECT_EQ(result.has_value(), row.goes) << row.name;
    if (!result) {
      EXPECT_EQ(result.error().reason, "too_many_names");
    }
  }
  EXPECT_TRUE(acceptor.has_leaf_for_refusal(name_of("a.test")));
  EXPECT_FALSE(acceptor.has_leaf_for_refusal(name_of("b.test")));
}

TEST_F(Acceptor, ByNameTheClientHelloIsTheDestination) {
  Gate gate("api.test");
  const Result<Secured> result = shake_by_name(acceptor_, client_, gate, "API.test");
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(client_reason_, 0);
  ASSERT_TRUE(result->name.has_value());
  EXPECT_EQ(result->name.value_or(name_of("other.test")).text(), "api.test");
  EXPECT_EQ(gate.questions, 1);
  EXPECT_EQ(worker_.leaves.minted(), 1U);
}

TEST_F(Acceptor, ByNameTheGateRefusesBeforeALeafIsMinted) {
  Gate gate("api.test");
  const Result<Secured> result = shake_by_name(acceptor_, client_, gate, "evil.test");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Code::Denied);
  EXPECT_EQ(result.error().reason, "host_not_allowed");
  EXPECT_EQ(client_reason_, alert_reason(SSL_AD_UNRECOGNIZED_NAME));
  EXPECT_EQ(worker_.leaves.minted(), 0U);
}

TEST_F(Acceptor, ByNameThereHasToBeAName) {
  Gate gate("192.0.2.1");
  const Result<Secured> none = shake_by_name(acceptor_, client_, gate, "");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().reason, "sni_missing");
  EXPECT_EQ(client_reason_, alert_reason(SSL_AD_HANDSHAKE_FAILURE));
  for (const std::string sni : {"192.0.2.1", "2001:db8::7", "-a.test", "api.test."}) {
    Client client(worker_.ca->root_pem());
    const Result<Secured> result = shake_by_name(acceptor_, client, gate, sni);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().reason, "sni_malformed") << sni;
    EXPECT_EQ(client_reason_, alert_reason(SSL_AD_DECODE_ERROR)) << sni;
  }
  EXPECT_EQ(gate.questions, 0);
  EXPECT_EQ(worker_.leaves.minted(), 0U);
}

TEST_F(Acceptor, ByNameSessionsResumeForTheSameNameOnly) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(worker_.ca->root_pem());
    SSL_CTX_set_max_proto_version(client.context.get(), version);
    Gate a("a.test");
    ASSERT_TRUE(shake_by_name(acceptor_, client, a, "a.test").has_value());
    ASSERT_TRUE(client.session);
    Result<Secured> again = shake_by_name(acceptor_, client, a, "a.test");
    ASSERT_TRUE(again.has_value());
    EXPECT_TRUE(again->stream->resumed());
    Gate b("b.test");
    Result<Secured> other = shake_by_name(acceptor_, client, b, "b.test");
    ASSERT_TRUE(other.has_value()) << other.error().detail;
    EXPECT_FALSE(other->stream->resumed());
    EXPECT_EQ(b.questions, 1);
  }
}

TEST_F(Acceptor, ByNameARetriedHelloIsAskedAboutOnce) {
  Gate gate("api.test");
  SSL_CTX_set1_groups_list(client_.context.get(), "P-521:P-256");
  ASSERT_TRUE(shake_by_name(acceptor_, client_, gate, "api.test").has_value());
  EXPECT_EQ(gate.questions, 1);
}

TEST_F(Acceptor, WithoutH2OnlyHttp1IsSpoken) {
  TlsAcceptorLimits limits;
  limits.offer_h2 = false;
  TlsAcceptor plain(*worker_.ca, worker_.leaves, worker_.tickets, worker_.wheel, worker_.buffers,
                    limits);
  Gate gate("api.test");
  const Result<Secured> result =
      shake_by_name(plain, client_, gate, "api.test", offer_of({"h2", "http/1.1"}));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(client_.alpn(), "http/1.1");
  EXPECT_EQ(result->alpn, Alpn::Http1);
  Client only_h2(worker_.ca->root_pem());
  const Result<Secured> refused = shake_by_name(plain, only_h2, gate, "api.test", offer_of({"h2"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, "no_application_protocol");
}

TEST(ClientHello, ReadsTheExtensionStrictly) {
  const auto extension = [](const std::string& name) {
    const auto n = name.size();
    return std::string{'\0', static_cast<char>(n + 3), '\0', '\0', static_cast<char>(n)} + name;
  };
  const ServerName api = name_of("api.test");
  EXPECT_EQ(check_sni_extension("", false, api), SniVerdict::Absent);
  EXPECT_EQ(check_sni_extension(extension("api.test"), true, api), SniVerdict::Matches);
  EXPECT_EQ(check_sni_extension(extension("API.TEST"), true, api), SniVerdict::Matches);
  for (const std::string& other :
       {std::string("evil.test"), std::string("api.test."), std::string("api.test\0", 9),
        std::string("*.test"), std::string("api.test ")}) {
    EXPECT_EQ(check_sni_extension(extension(other), true, api), SniVerdict::Different) << other;
  }
  const std::string good = extension("api.test");
  const std::string two = std::string("\0\x16", 2) + good.substr(2) + good.substr(2);
  EXPECT_EQ(check_sni_extension(two, true, api), SniVerdict::Malformed);
  EXPECT_EQ(check_sni_extension("", true, api), SniVerdict::Malformed);
  EXPECT_EQ(check_sni_extension(good + "x", true, api), SniVerdict::Malformed);
  EXPECT_EQ(check_sni_extension(extension(""), true, api), SniVerdict::Malformed);
  std::string other_type = good;
  other_type[2] = 1;
  EXPECT_EQ(check_sni_extension(other_type, true, api), SniVerdict::Malformed);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_EQ(check_sni_extension(good.substr(0, cut), true, api), SniVerdict::Malformed) << cut;
    EXPECT_FALSE(sni_in_extension(good.substr(0, cut), true).has_value()) << cut;
  }
  const Result<ServerName> named = sni_in_extension(extension("API.test"), true);
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(named->text(), "api.test");
  EXPECT_FALSE(sni_in_extension(two, true).has_value());
  EXPECT_FALSE(sni_in_extension(other_type, true).has_value());
}

}  // namespace
}  // namespace bottle
