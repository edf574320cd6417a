#include "proxy/tls/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <new>
#include <utility>

#include "certs/openssl_ptr.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/tls/tls_context.h"

namespace bottle {

using asio::ip::tcp;

namespace {

// No CBC, no static RSA, no finite-field DH: origins that have nothing else are refused.
constexpr const char* kOriginTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// ... but by a person's word for the host.
constexpr const char* kLegacyTls12Ciphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:RSA+AESGCM:ECDHE+AES:DHE+AES:RSA+AES:"
    "!aNULL:!eNULL:!PSK:!SRP:!DSS";
// The largest chain that an origin may send.
constexpr long kMaxChainBytes = 100 * 1024;
constexpr int kMaxChainDepth = 8;

void free_string(void*, void* text, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<std::string*>(text);
}

// Where an SSL keeps the name its sessions are remembered under.
int session_key_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_string);
  return index;
}

Failure tls_failure(std::string_view reason, std::string detail) {
  return Failure{Code::UpstreamTlsFailed, std::move(detail), reason};
}

struct VerifyWord {
  long error;
  std::string_view reason;
};

constexpr VerifyWord kVerifyWords[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, problem_code::kTlsExpired},
    {X509_V_ERR_CERT_NOT_YET_VALID, problem_code::kTlsNotYetValid},
    {X509_V_ERR_HOSTNAME_MISMATCH, problem_code::kTlsWrongName},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, problem_code::kTlsWrongName},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, problem_code::kTlsSelfSigned},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, problem_code::kTlsUnknownCa},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, problem_code::kTlsUnknownCa},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, problem_code::kTlsUnknownCa},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, problem_code::kTlsUnknownCa},
};

Failure explain_certificate(long error) {
  std::string_view reason = problem_code::kTlsBadChain;
  for (const VerifyWord& word : kVerifyWords) {
    if (word.error == error) reason = word.reason;
  }
  return tls_failure(reason, "the origin's certificate was refused: " +
                                 std::string(X509_verify_cert_error_string(error)));
}

Failure explain_handshake_with_origin(const TlsStream& stream, IoStatus status, bool timed_out,
                                      bool asked_for_client) {
  if (status == IoStatus::Cancelled) {
    if (timed_out) {
      return tls_failure(problem_code::kTlsTimeout, "the origin's TLS handshake took too long");
    }
    return Failure{Code::Cancelled, "during the origin's TLS handshake"};
  }
  if (status != IoStatus::Protocol) {
    return tls_failure(problem_code::kTlsReset,
                       "the origin closed the connection during the TLS handshake");
  }
  const long verified = SSL_get_verify_result(stream.ssl());
  if (verified != X509_V_OK) return explain_certificate(verified);
  const unsigned long error = stream.ssl_error();
  const char* text = ERR_reason_error_string(error);
  const std::string why = text == nullptr ? "unknown" : text;
  if (ERR_GET_REASON(error) < SSL_AD_REASON_OFFSET) {
    return tls_failure(problem_code::kTlsProtocol, "the origin's TLS handshake failed: " + why);
  }
  if (asked_for_client) {
    return client_certificate_required(why);
  }
  Failure refused = tls_failure(problem_code::kTlsAlert, "the origin refused with " + why);
  const int reason = ERR_GET_REASON(error);
  if (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE ||
      reason == SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY) {
    refused.hint =
        "An origin that has only old ciphers (RSA key exchange, CBC) refuses so. A person can "
        "allow them for a host: by \"tls\" in \"egress\" of the manifest, or --tls-legacy HOST.";
  }
  return refused;
}

HostKind kind_of(const ServerName& name) {
  switch (name.kind()) {
    case ServerName::Kind::Ipv4:
      return HostKind::Ipv4;
    case ServerName::Kind::Ipv6:
      return HostKind::Ipv6;
    case ServerName::Kind::Dns:
      break;
  }
  return HostKind::Name;
}

bool set_ciphers(SSL* ssl, const OriginRules* origins, const ServerName& name) {
  if (origins == nullptr || !origins->legacy_tls(kind_of(name), name.text())) return true;
  return SSL_set_cipher_list(ssl, kLegacyTls12Ciphers) == 1;
}

bool set_name(SSL* ssl, const ServerName& name) {
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (name.is_ip()) {
    const auto address = name.address();
    return X509_VERIFY_PARAM_set1_ip(param, address.data(), address.size()) == 1;
  }
  return X509_VERIFY_PARAM_set1_host(param, name.text().data(), name.text().size()) == 1 &&
         SSL_set_tlsext_host_name(ssl, name.text().c_str()) == 1;
}

std::string_view word_of(Alpn alpn) { return alpn == Alpn::Http2 ? "h2" : "http/1.1"; }

bool set_alpn(SSL* ssl, const std::vector<Alpn>& offer) {
  if (offer.empty()) return true;
  std::string wire;
  for (const Alpn alpn : offer) {
    const std::string_view word = word_of(alpn);
    wire += static_cast<char>(word.size());
    wire += word;
  }
  // Unlike its siblings it returns 0 when all is well.
  return SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wire.data()),
                             static_cast<unsigned>(wire.size())) == 0;
}

// OpenSSL 3.0 does not look (RFC 7301 section 3.1).
bool chose_what_was_offered(SSL* ssl, const std::vector<Alpn>& offer) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  if (size == 0) return true;
  const std::string_view chosen(reinterpret_cast<const char*>(name), size);
  for (const Alpn alpn : offer) {
    if (chosen == word_of(alpn)) return true;
  }
  return false;
}

// We have none; that it was asked for explains the alert that follows.
int on_client_certificate(SSL* ssl, X509**, EVP_PKEY**) {
  if (auto* asked = static_cast<bool*>(SSL_get_app_data(ssl))) *asked = true;
  return 0;
}

}  // namespace

struct TlsClientCallbacks {
  // A ticket came, perhaps long after the handshake. 1 = we keep the reference.
  static int on_session(SSL* ssl, SSL_SESSION* session) {
    auto* client = static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const auto* key = static_cast<std::string*>(SSL_get_ex_data(ssl, session_key_index()));
    if (client == nullptr || key == nullptr || SSL_SESSION_is_resumable(session) != 1) return 0;
    return client->remember(*key, session) ? 1 : 0;
  }
};

TlsClient::TlsClient(std::shared_ptr<const OriginTrust> trust, TimerWheel& wheel,
                     RecordBuffers& buffers, TlsClientLimits limits, const OriginRules* origins)
    : trust_(std::move(trust)),
      wheel_(wheel),
      buffers_(buffers),
      limits_(limits),
      origins_(origins) {
  openssl::SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* ctx = context.get();
  require_openssl(ctx != nullptr, "no TLS context");
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  require_openssl(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
                      SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
                      SSL_CTX_set_cipher_list(ctx, kOriginTls12Ciphers) == 1 &&
                      SSL_CTX_set1_groups_list(ctx, kTlsGroups) == 1 && session_key_index() >= 0,
                  "TLS settings");
  // 112 bits: no SHA-1 signatures, no RSA below 2048, whatever the system's configuration says.
  SSL_CTX_set_security_level(ctx, 2);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_verify_depth(ctx, kMaxChainDepth);
  SSL_CTX_set_max_cert_list(ctx, kMaxChainBytes);
  SSL_CTX_set1_cert_store(ctx, trust_->store());
  SSL_CTX_set_client_cert_cb(ctx, &on_client_certificate);
  SSL_CTX_set_app_data(ctx, this);
  if (limits_.sessions > 0) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, &TlsClientCallbacks::on_session);
  } else {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  }
  context_ = context.release();
}

TlsClient::~TlsClient() {
  for (const Session& session : sessions_) SSL_SESSION_free(session.session);
  // Streams may still hold the context; a late ticket must not find us.
  SSL_CTX_set_app_data(context_, nullptr);
  SSL_CTX_free(context_);
}

// False: no memory, and the session is still the caller's.
bool TlsClient::remember(const std::string& key, ssl_session_st* owned) noexcept try {
  forget(key);
  std::list<Session> fresh;
  fresh.push_front(Session{.key = key, .session = owned});
  by_key_.emplace(fresh.front().key, fresh.begin());
  sessions_.splice(sessions_.begin(), fresh);
  if (sessions_.size() > limits_.sessions) forget(sessions_.back().key);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void TlsClient::forget(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const auto session = found->second;
  by_key_.erase(found);
  SSL_SESSION_free(session->session);
  sessions_.erase(session);
}

awaitable<Result<Secured>> TlsClient::connect(tcp::socket socket, ServerName name, Offer offer) {
  auto stream =
      std::make_unique<TlsStream>(std::move(socket), context_, TlsStream::Role::Client, buffers_);
  SSL* ssl = stream->ssl();
  bool asked_for_client = false;
  SSL_set_app_data(ssl, &asked_for_client);
  auto key = std::make_unique<std::string>(name.text());
  if (!set_name(ssl, name) || !set_alpn(ssl, offer.alpn) || !set_ciphers(ssl, origins_, name) ||
      SSL_set_ex_data(ssl, session_key_index(), key.get()) != 1) {
    co_return tls_failure(problem_code::kTlsProtocol,
                          "no TLS connection could be set up: " + openssl::take_errors());
  }
  (void)key.release();  // freed with the SSL
  const auto known = by_key_.find(name.text());
  if (known != by_key_.end()) {
    // Given away: a TLS 1.3 ticket is for one use (RFC 8446 appendix C.4).
    SSL_set_session(ssl, known->second->session);
    forget(name.text());
  }

  Deadline deadline(wheel_, *stream, limits_.handshake);
  const IoStatus status = co_await stream->handshake(TlsStream::HandshakeLimits());
  SSL_set_app_data(ssl, nullptr);
  if (status != IoStatus::Ok) {
    stream->close();
    co_return explain_handshake_with_origin(*stream, status, deadline.fired(), asked_for_client);
  }
  // Belt and braces: a handshake that ended well has verified, or OpenSSL has a bug.
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) {
    stream->close();
    co_return explain_certificate(verified);
  }
  if (!chose_what_was_offered(ssl, offer.alpn)) {
    stream->close();
    co_return tls_failure(problem_code::kTlsProtocol,
                          "the origin chose a protocol that was not offered (ALPN)");
  }
  if (limits_.sessions > 0 && stream->resumed() && SSL_version(ssl) == TLS1_2_VERSION &&
      by_key_.find(name.text()) == by_key_.end()) {
    SSL_SESSION* const session = SSL_get1_session(ssl);
    if (!remember(name.text(), session)) SSL_SESSION_free(session);
  }
  if (asked_for_client) stream->client_certificate_was_asked_for();
  Secured secured;
  secured.alpn = stream->alpn();
  secured.stream = std::move(stream);
  co_return std::move(secured);
}

}  // namespace bottle
