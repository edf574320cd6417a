#include "proxy/tls/tls_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "tests/unit/tls/peer.h"
#include "tests/unit/tls/pki.h"

namespace bottle {
namespace {

using test::ca_wish;
using test::connected_pair;
using test::Identity;
using test::issue;
using test::name_of;
using test::Pair;
using test::Thread;
using test::Wish;

// An origin: OpenSSL's server in a thread, one handshake a call.
struct Origin {
  openssl::SslCtxPtr context{SSL_CTX_new(TLS_server_method())};

  explicit Origin(const Identity& leaf, const std::vector<const Identity*>& chain = {}) {
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_use_certificate(context.get(), leaf.certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), leaf.key.get());
    for (const Identity* link : chain) {
      SSL_CTX_add1_chain_cert(context.get(), link->certificate.get());
    }
  }
};

class OriginTls : public ::testing::Test {
 public:
  awaitable<void> connect(TlsClient& client, asio::ip::tcp::socket socket, ServerName name,
                          TlsClient::Offer offer) {
    result_ = co_await client.connect(std::move(socket), std::move(name), std::move(offer));
    if (!result_) co_return;
    // The byte that the origin sends after its tickets.
    std::string byte(1, '\0');
    const IoResult got = co_await (*result_).stream->read_some(byte);
    read_status_ = got.status;
  }

  void shake(TlsClient& client, Origin& origin, const std::string& name = "origin.test",
             std::vector<Alpn> alpn = {Alpn::Http2, Alpn::Http1}) {
    Pair pair = connected_pair(worker_.io);
    Thread thread([&] {
      const openssl::SslPtr ssl(SSL_new(origin.context.get()));
      SSL_set_fd(ssl.get(), pair.theirs.get());
      if (SSL_accept(ssl.get()) == 1) {
        const char* sni = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
        sni_ = sni == nullptr ? "" : sni;
        SSL_write(ssl.get(), "!", 1);
      }
      SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN);
      ::shutdown(pair.theirs.get(), SHUT_WR);
    });
    TlsClient::Offer offer;
    offer.alpn = std::move(alpn);
    test::run(worker_, connect(client, std::move(pair.ours), name_of(name), std::move(offer)));
  }

  // The reason why an origin with that certificate is refused; "" if it is not.
  std::string verdict(const Identity& leaf, const std::vector<const Identity*>& chain = {},
                      const std::string& name = "origin.test") {
    Origin origin(leaf, chain);
    return verdict(origin, name);
  }
  std::string verdict(Origin& origin, const std::string& name = "origin.test") {
    shake(client_, origin, name);
    if (result_) return "";
    EXPECT_EQ(result_.error().code, Code::UpstreamTlsFailed);
    EXPECT_FALSE(result_.error().detail.empty());
    return result_.error().reason;
  }

  test::Worker worker_;
  Identity root_ = issue(ca_wish("test root"), nullptr);
  TlsClientLimits no_sessions_{.handshake = std::chrono::seconds(10), .sessions = 0};
  TlsClient client_{OriginTrust::from_pem(root_.pem()).value(), worker_.wheel, worker_.buffers,
                    no_sessions_};
  Result<Secured> result_ = Failure{Code::Internal, "not run"};
  IoStatus read_status_ = IoStatus::Ok;
  std::string sni_;
};

// [U06]
TEST_F(OriginTls, GoodOriginIsAccepted) {
  EXPECT_EQ(verdict(issue(Wish(), &root_)), "");
  EXPECT_EQ(sni_, "origin.test");
  Identity intermediate = issue(ca_wish("test intermediate"), &root_);
  EXPECT_EQ(verdict(issue(Wish(), &intermediate), {&intermediate}), "");
  // A chain in the wrong order.
  Identity second = issue(ca_wish("second intermediate"), &intermediate);
  EXPECT_EQ(verdict(issue(Wish(), &second), {&intermediate, &second}), "");
}

// [U01]
TEST_F(OriginTls, ExpiredIsRefused) {
  Wish wish;
  for (const long ago : {-5L, -86400L}) {
    wish.to = ago;
    wish.from = ago - 86400;
    EXPECT_EQ(verdict(issue(wish, &root_)), "tls_expired");
  }
  Wish old_ca = ca_wish("old intermediate");
  old_ca.from = -7200;
  old_ca.to = -3600;
  const Identity intermediate = issue(old_ca, &root_);
  EXPECT_EQ(verdict(issue(Wish(), &intermediate), {&intermediate}), "tls_expired");
}

// [U02]
TEST_F(OriginTls, NotYetValidIsRefused) {
  Wish wish;
  wish.from = 3600;
  wish.to = 7200;
  EXPECT_EQ(verdict(issue(wish, &root_)), "tls_not_yet_valid");
}

// [U03, U04, U23]
TEST_F(OriginTls, NamesMustMatch) {
  struct Row {
    std::string san;
    std::string name;
    std::string verdict;
  };
  const std::vector<Row> rows{{"DNS:other.test", "origin.test", "tls_wrong_name"},
                              {"DNS:origin.test", "www.origin.test", "tls_wrong_name"},
                              {"DNS:www.origin.test", "origin.test", "tls_wrong_name"},
                              {"", "origin.test", "tls_wrong_name"},  // CN alone counts for nothing
                              {"DNS:*.origin.test", "a.origin.test", ""},
                              {"DNS:*.origin.test", "origin.test", "tls_wrong_name"},
                              {"DNS:*.origin.test", "a.b.origin.test", "tls_wrong_name"},
                              {"DNS:a.*.test", "a.origin.test", "tls_wrong_name"},
                              {"DNS:o*n.origin.test", "on.origin.test", "tls_wrong_name"},
                              {"DNS:*.test", "origin.test", "tls_wrong_name"},
                              {"IP:192.0.2.7", "192.0.2.7", ""},
                              {"IP:192.0.2.7", "192.0.2.8", "tls_wrong_name"},
                              {"DNS:192.0.2.7", "192.0.2.7", "tls_wrong_name"},
                              {"IP:2001:db8::7", "2001:db8::7", ""}};
  for (const Row& row : rows) {
    Wish wish;
    wish.common_name = "origin.test";
    wish.san = row.san;
    EXPECT_EQ(verdict(issue(wish, &root_), {}, row.name), row.verdict)
        << row.san << " for " << row.name;
  }
  EXPECT_EQ(sni_, "") << "no SNI for addresses";
}

// [U05]
TEST_F(OriginTls, UntrustedIsRefused) {
  EXPECT_EQ(verdict(issue(Wish(), nullptr)), "tls_self_signed");
  const Identity stranger = issue(ca_wish("stranger"), nullptr);
  EXPECT_EQ(verdict(issue(Wish(), &stranger)), "tls_unknown_ca");
  EXPECT_EQ(verdict(issue(Wish(), &stranger), {&stranger}), "tls_unknown_ca");
  const Identity intermediate = issue(ca_wish("left out"), &root_);
  EXPECT_EQ(verdict(issue(Wish(), &intermediate)), "tls_unknown_ca");
  const Identity same_name = issue(ca_wish("test root"), nullptr);
  EXPECT_NE(verdict(issue(Wish(), &same_name)), "");
}

// [U08, U10, U12, U13, U14]
TEST_F(OriginTls, BadChainsAreRefused) {
  Wish not_a_ca = ca_wish("no CA");
  not_a_ca.constraints = "critical,CA:FALSE";
  const Identity leaf_as_ca = issue(not_a_ca, &root_);
  EXPECT_EQ(verdict(issue(Wish(), &leaf_as_ca), {&leaf_as_ca}), "tls_bad_chain");

  Wish no_sign = ca_wish("may not sign");
  no_sign.key_usage = "critical,digitalSignature";
  const Identity wrong_usage = issue(no_sign, &root_);
  EXPECT_NE(verdict(issue(Wish(), &wrong_usage), {&wrong_usage}), "");

  Wish constrained = ca_wish("constrained");
  constrained.name_constraints = "critical,permitted;DNS:other.test";
  const Identity narrow = issue(constrained, &root_);
  EXPECT_EQ(verdict(issue(Wish(), &narrow), {&narrow}), "tls_bad_chain");

  Wish client_only;
  client_only.extended_usage = "clientAuth";
  EXPECT_EQ(verdict(issue(client_only, &root_)), "tls_bad_chain");

  Wish odd;
  odd.unknown_critical = true;
  EXPECT_EQ(verdict(issue(odd, &root_)), "tls_bad_chain");

  Wish weak;
  weak.sha1 = true;
  EXPECT_NE(verdict(issue(weak, &root_)), "");
}

// [U09]
TEST_F(OriginTls, SmallKeysAreRefused) {
  Wish small;
  small.rsa_bits = 1024;
  EXPECT_NE(verdict(issue(small, &root_)), "");
}

// [U11]
TEST_F(OriginTls, PathLengthCounts) {
  Wish short_path = ca_wish("path length 0");
  short_path.constraints = "critical,CA:TRUE,pathlen:0";
  const Identity first = issue(short_path, &root_);
  const Identity second = issue(ca_wish("one too many"), &first);
  EXPECT_EQ(verdict(issue(Wish(), &second), {&second, &first}), "tls_bad_chain");
}

// [U17, U18]
TEST_F(OriginTls, OldVersionsAndCiphersAreRefused) {
  Origin old(issue(Wish(), &root_));
  SSL_CTX_set_min_proto_version(old.context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old.context.get(), TLS1_1_VERSION);
  EXPECT_THAT(verdict(old), ::testing::AnyOf("tls_protocol", "tls_alert"));
  Origin cbc(issue(Wish(), &root_));
  SSL_CTX_set_max_proto_version(cbc.context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(cbc.context.get(), "ECDHE-ECDSA-AES128-SHA256");
  EXPECT_EQ(verdict(cbc), "tls_alert");
}

// [U18]
TEST_F(OriginTls, OldCiphersAreForTheHostsThatAPersonNames) {
  OriginRules rules;
  rules.rules.push_back(*parse_tls_legacy("origin.test"));
  TlsClient client(OriginTrust::from_pem(root_.pem()).value(), worker_.wheel, worker_.buffers,
                   no_sessions_, &rules);
  Wish rsa;
  rsa.rsa_bits = 2048;
  rsa.san = "DNS:origin.test,DNS:other.test";
  for (const char* ciphers : {"AES128-GCM-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA"}) {
    Origin origin(issue(rsa, &root_));
    SSL_CTX_set_max_proto_version(origin.context.get(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(origin.context.get(), ciphers);
    shake(client, origin);
    EXPECT_TRUE(result_) << ciphers << ": " << result_.error().detail;
    shake(client, origin, "other.test");
    ASSERT_FALSE(result_) << ciphers;
    EXPECT_EQ(result_.error().reason, "tls_alert");
    EXPECT_THAT(result_.error().hint, ::testing::HasSubstr("--tls-legacy HOST"));
  }
  // Others get no worse for it: TLS 1.0, anonymous peers and strangers' certificates stay out.
  Origin old(issue(rsa, &root_));
  SSL_CTX_set_min_proto_version(old.context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old.context.get(), TLS1_1_VERSION);
  shake(client, old);
  EXPECT_FALSE(result_);
  const Identity stranger = issue(ca_wish("stranger"), nullptr);
  Origin strange(issue(rsa, &stranger));
  SSL_CTX_set_max_proto_version(strange.context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(strange.context.get(), "AES128-GCM-SHA256");
  shake(client, strange);
  ASSERT_FALSE(result_);
  EXPECT_EQ(result_.error().reason, "tls_unknown_ca");
}

// [U20]
TEST_F(OriginTls, OurOwnCaIsNoOrigin) {
  // The bottle's CA is not among the roots, so a leaf of it is a stranger's.
  Identity ours;
  Result<Leaf> leaf = worker_.ca->mint(name_of("origin.test"), WallClock::now());
  ASSERT_TRUE(leaf.has_value());
  X509_up_ref(leaf->certificate());
  ours.certificate.reset(leaf->certificate());
  EVP_PKEY_up_ref(worker_.ca->leaf_key());
  ours.key.reset(worker_.ca->leaf_key());
  EXPECT_EQ(verdict(ours), "tls_unknown_ca");
}

// [U22]
TEST_F(OriginTls, ACertificateOfOursThatIsAskedForIsNamed) {
  Origin origin(issue(Wish(), &root_));
  SSL_CTX_set_verify(origin.context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     nullptr);
  SSL_CTX_set_max_proto_version(origin.context.get(), TLS1_2_VERSION);
  EXPECT_EQ(verdict(origin), "tls_client_cert_required");
  // In TLS 1.3 our side is done before the origin's refusal comes: the first read tells.
  SSL_CTX_set_max_proto_version(origin.context.get(), TLS1_3_VERSION);
  shake(client_, origin);
  ASSERT_TRUE(result_.has_value());
  EXPECT_EQ(read_status_, IoStatus::Reset);
  EXPECT_THAT(result_->stream->fault(), ::testing::HasSubstr("certificate required"));
  const auto told = result_->stream->why_ended();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->reason, "tls_client_cert_required");
  EXPECT_THAT(told->hint, ::testing::HasSubstr("--route HOST=splice"));
  EXPECT_THAT(told->detail, ::testing::HasSubstr("asks for a client certificate"));
}

// [U24]
TEST_F(OriginTls, LargeChainsAreBounded) {
  Wish many;
  for (int i = 0; i < 1000; ++i) many.san += ",DNS:n" + std::to_string(i) + ".origin.test";
  EXPECT_EQ(verdict(issue(many, &root_)), "");
  for (int i = 1000; i < 10'000; ++i) many.san += ",DNS:n" + std::to_string(i) + ".origin.test";
  EXPECT_NE(verdict(issue(many, &root_)), "");
}

TEST_F(OriginTls, HangingAndLeavingOriginsAreNamed) {
  TlsClientLimits hasty;
  hasty.handshake = std::chrono::milliseconds(60);
  TlsClient client(OriginTrust::from_pem(root_.pem()).value(), worker_.wheel, worker_.buffers,
                   hasty);
  {
    Pair pair = connected_pair(worker_.io);
    test::run(worker_, connect(client, std::move(pair.ours), name_of("origin.test"), {}));
    EXPECT_EQ(result_.error().reason, "tls_timeout");
  }
  {
    Pair pair = connected_pair(worker_.io);
    pair.theirs.reset();
    test::run(worker_, connect(client_, std::move(pair.ours), name_of("origin.test"), {}));
    EXPECT_EQ(result_.error().reason, "tls_reset");
  }
  {
    Pair pair = connected_pair(worker_.io);
    const std::string http = "HTTP/1.1 400 Bad Request\r\n\r\n";
    ::send(pair.theirs.get(), http.data(), http.size(), 0);
    test::run(worker_, connect(client_, std::move(pair.ours), name_of("origin.test"), {}));
    EXPECT_EQ(result_.error().reason, "tls_protocol");
  }
}

int choose_h2(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned,
              void*) {
  static constexpr unsigned char kH2[] = {'h', '2'};
  *out = kH2;
  *size = 2;
  return SSL_TLSEXT_ERR_OK;
}

TEST_F(OriginTls, AlpnIsWhatTheOriginChoseFromTheOffer) {
  Origin origin(issue(Wish(), &root_));
  shake(client_, origin);
  ASSERT_TRUE(result_.has_value());
  EXPECT_EQ(result_->alpn, Alpn::Http1) << "an origin without ALPN speaks HTTP/1.1";
  SSL_CTX_set_alpn_select_cb(origin.context.get(), &choose_h2, nullptr);
  shake(client_, origin);
  ASSERT_TRUE(result_.has_value());
  EXPECT_EQ(result_->alpn, Alpn::Http2);
  shake(client_, origin, "origin.test", {Alpn::Http1});
  ASSERT_FALSE(result_.has_value());
  EXPECT_EQ(result_.error().reason, "tls_protocol");
  shake(client_, origin, "origin.test", {});
  EXPECT_TRUE(result_.has_value()) << "nothing offered, nothing chosen";
}

TEST_F(OriginTls, ResumesPerName) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientLimits limits;
    limits.sessions = 2;
    TlsClient client(OriginTrust::from_pem(root_.pem()).value(), worker_.wheel, worker_.buffers,
                     limits);
    Wish wish;
    wish.san = "DNS:origin.test,DNS:other.test,DNS:third.test";
    Origin origin(issue(wish, &root_));
    SSL_CTX_set_max_proto_version(origin.context.get(), version);
    SSL_CTX_set_session_id_context(origin.context.get(),
                                   reinterpret_cast<const unsigned char*>("x"), 1);
    const auto resumed = [&](const std::string& name) {
      shake(client, origin, name);
      EXPECT_TRUE(result_.has_value());
      return result_.has_value() && result_->stream->resumed();
    };
    EXPECT_FALSE(resumed("origin.test"));
    EXPECT_TRUE(resumed("origin.test"));
    EXPECT_TRUE(resumed("origin.test"));
    EXPECT_FALSE(resumed("other.test")) << "another name starts afresh";
    EXPECT_FALSE(resumed("third.test"));
    EXPECT_FALSE(resumed("origin.test")) << "two are remembered, it was the third";
    result_ = Failure{Code::Internal, "the stream goes before the client"};
  }
}

}  // namespace
}  // namespace bottle
