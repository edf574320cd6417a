#include "proxy/tls/tls_acceptor.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <array>
#include <exception>
#include <optional>
#include <utility>

#include "certs/openssl_ptr.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/tls/client_hello.h"
#include "proxy/tls/tls_context.h"

namespace bottle {

using asio::ip::tcp;

namespace {

// ECDHE and AEAD only. AES-128 first: the agent sits on the same machine, 256 bits buy nothing.
constexpr const char* kClientTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384";
constexpr const char* kTls13Ciphers =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";

// The groups that every client has. P-384 costs five times as much, and a client may ask for it
// alone.
constexpr const char* kClientGroups = "X25519:P-256";

// For an alert to arrive: a close with unread bytes is a reset, which destroys what is on its way.
constexpr std::chrono::milliseconds kAlertLinger{1'000};

// Everything that OpenSSL's callbacks need while one handshake runs. Lives in accept()'s frame.
struct Handshake {
  std::optional<ServerName> destination;  // by name: not before the ClientHello
  LeafFor why;                            // by name: the gate's answer
  NameGate* gate;                         // null: the destination was known beforehand
  bool offer_h2;
  LeafCache& leaves;
  TlsStream& stream;
  Deadline& hello_deadline;
  std::optional<Failure> failure;
};

// No exception goes through OpenSSL: without memory, the handshake fails.
template <class Answer>
int contained(Handshake* handshake, int refusal, Answer answer) noexcept {
  if (handshake == nullptr) return refusal;
  try {
    return answer();
  } catch (const std::exception&) {
    handshake->failure = out_of_memory();
    return refusal;
  }
}

Handshake* of(SSL* ssl) { return static_cast<Handshake*>(SSL_get_app_data(ssl)); }

// A ticket of one host is no session of another: OpenSSL compares this before it resumes.
bool bind_sessions_to(SSL* ssl, const ServerName& name) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  static_assert(SHA256_DIGEST_LENGTH <= SSL_MAX_SID_CTX_LENGTH);
  SHA256(reinterpret_cast<const unsigned char*>(name.text().data()), name.text().size(),
         digest.data());
  return SSL_set_session_id_context(ssl, digest.data(), static_cast<unsigned>(digest.size())) == 1;
}

// The ClientHello's name becomes the destination, if the gate lets it. False: alert and failure are
// set.
bool take_name(SSL* ssl, Handshake& handshake, int* alert) {
  Result<ServerName> named = sni_of(ssl);
  if (!named) {
    // RFC 8446 section 9.2 has missing_extension for it, which OpenSSL cannot send so early.
    *alert = names_a_server(ssl) ? SSL_AD_DECODE_ERROR : SSL_AD_HANDSHAKE_FAILURE;
    handshake.failure = named.error();
    return false;
  }
  const Result<LeafFor> admitted = handshake.gate->admit(*named);
  if (!admitted) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    handshake.failure = admitted.error();
    return false;
  }
  if (!bind_sessions_to(ssl, *named)) {
    handshake.failure = Failure{Code::Internal, "no session context: " + openssl::take_errors()};
    return false;
  }
  handshake.destination = std::move(*named);
  handshake.why = *admitted;
  return true;
}

// Runs when the ClientHello is complete and before anything is chosen or minted; a second time
// after a HelloRetryRequest, when the name must be the one that it was.
int judge_client_hello(SSL* ssl, int* alert, Handshake* handshake) {
  handshake->stream.hello_complete();
  handshake->hello_deadline.disarm();
  const bool by_name = handshake->gate != nullptr;
  if (!handshake->destination) {
    const bool taken = by_name && take_name(ssl, *handshake, alert);
    return taken ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
  }
  switch (check_sni(ssl, *handshake->destination)) {
    case SniVerdict::Matches:
      return SSL_CLIENT_HELLO_SUCCESS;
    case SniVerdict::Absent:
      if (!by_name) return SSL_CLIENT_HELLO_SUCCESS;
      break;
    case SniVerdict::Malformed:
      *alert = SSL_AD_DECODE_ERROR;
      handshake->failure = Failure{Code::ClientBad, "the ClientHello's server_name is malformed",
                                   problem_code::kSniMalformed};
      return SSL_CLIENT_HELLO_ERROR;
    case SniVerdict::Different:
      break;
  }
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  handshake->failure =
      Failure{Code::Misdirected, "the ClientHello names another host than the CONNECT did",
              problem_code::kSniMismatch,
              "Open one connection per host, and name that host in both places."};
  return SSL_CLIENT_HELLO_ERROR;
}

// Runs when a certificate is needed: not for a resumed session.
int give_certificate(SSL* ssl, Handshake* handshake) {
  if (!handshake->destination) return 0;
  const Result<const Leaf*> leaf = handshake->leaves.get(*handshake->destination, handshake->why);
  if (!leaf) {
    handshake->failure = leaf.error();
    return 0;
  }
  return SSL_use_certificate(ssl, (*leaf)->certificate());
}

int on_client_hello(SSL* ssl, int* alert, void*) {
  Handshake* const handshake = of(ssl);
  return contained(handshake, SSL_CLIENT_HELLO_ERROR,
                   [=] { return judge_client_hello(ssl, alert, handshake); });
}

int on_certificate(SSL* ssl, void*) {
  Handshake* const handshake = of(ssl);
  return contained(handshake, 0, [=] { return give_certificate(ssl, handshake); });
}

int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
            const unsigned char* offered, unsigned offered_size, void*) {
  const std::string_view list(reinterpret_cast<const char*>(offered), offered_size);
  Handshake* handshake = of(ssl);
  for (const std::string_view ours : {std::string_view("h2"), std::string_view("http/1.1")}) {
    if (ours == "h2" && (handshake == nullptr || !handshake->offer_h2)) continue;
    // OpenSSL has checked that the lengths add up.
    for (std::size_t at = 0; at < list.size(); at += 1 + static_cast<unsigned char>(list[at])) {
      const std::string_view theirs = list.substr(at + 1, static_cast<unsigned char>(list[at]));
      if (theirs != ours) continue;
      *chosen = offered + at + 1;
      *chosen_size = static_cast<unsigned char>(ours.size());
      return SSL_TLSEXT_ERR_OK;
    }
  }
  if (handshake != nullptr) {
    contained(handshake, SSL_TLSEXT_ERR_ALERT_FATAL, [handshake] {
      handshake->failure =
          Failure{Code::ClientBad, "the client offers no protocol in ALPN that is spoken here",
                  problem_code::kNoApplicationProtocol};
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    });
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Failure explain_handshake(const TlsStream& stream, IoStatus status, bool hello_slow, bool slow) {
  if (status == IoStatus::Cancelled) {
    if (hello_slow) {
      return {Code::ClientSlow, "no complete ClientHello in time", problem_code::kClientHello};
    }
    if (slow) {
      return {Code::ClientSlow, "the TLS handshake took too long", problem_code::kTlsHandshake};
    }
    return {Code::Cancelled, "during the TLS handshake"};
  }
  if (status != IoStatus::Protocol) {
    return {Code::ClientGone, "the client left during the TLS handshake"};
  }
  if (stream.hello() == HelloGate::State::NotTls) {
    return {Code::ClientBad, "these are no TLS records", problem_code::kNotTls};
  }
  if (stream.hello() == HelloGate::State::TooLarge) {
    return {Code::ClientBad, "the ClientHello is too large", problem_code::kClientHelloTooLarge};
  }
  const unsigned long error = stream.ssl_error();
  const char* text = ERR_reason_error_string(error);
  const std::string why = text == nullptr ? "unknown" : text;
  if (ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET) {
    const int alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    if (alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_BAD_CERTIFICATE ||
        alert == SSL_AD_CERTIFICATE_UNKNOWN) {
      return {Code::ClientBad, "the client refused the bottle's certificate with " + why,
              problem_code::kCaRefused,
              "Give the client the bottle's CA certificate (--ca-out, --bundle-out); a client that "
              "has the origin's own built in needs the route splice."};
    }
    return {Code::ClientBad, "the client refused with " + why, problem_code::kTlsAlert,
            "Give the client the bottle's CA certificate (--ca-out, --bundle-out)."};
  }
  return {Code::ClientBad, "the TLS handshake failed: " + why, problem_code::kTlsHandshake};
}

}  // namespace

TlsAcceptor::TlsAcceptor(const LeafIssuer& ca, LeafCache& leaves, const TicketKeys& tickets,
                         TimerWheel& wheel, RecordBuffers& buffers, TlsAcceptorLimits limits)
    : leaves_(leaves), wheel_(wheel), buffers_(buffers), limits_(limits), turns_(wheel.executor()) {
  openssl::SslCtxPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* ctx = context.get();
  require_openssl(ctx != nullptr, "no TLS context");
  SSL_CTX_set_options(
      ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  require_openssl(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
                      SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
                      SSL_CTX_set_cipher_list(ctx, kClientTls12Ciphers) == 1 &&
                      SSL_CTX_set_ciphersuites(ctx, kTls13Ciphers) == 1 &&
                      SSL_CTX_set1_groups_list(ctx, kClientGroups) == 1 &&
                      SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256") == 1,
                  "TLS settings");
  // Tickets only; nothing is remembered here.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  require_openssl(SSL_CTX_set_num_tickets(ctx, 1) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1,
                  "TLS tickets");
  tickets.serve(ctx);
  // The key and the chain here, the certificate per connection: that costs 3 µs.
  require_openssl(SSL_CTX_use_PrivateKey(ctx, ca.leaf_key()) == 1 &&
                      SSL_CTX_add1_chain_cert(ctx, ca.intermediate()) == 1,
                  "TLS certificate chain");
  SSL_CTX_set_client_hello_cb(ctx, &on_client_hello, nullptr);
  SSL_CTX_set_cert_cb(ctx, &on_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(ctx, &on_alpn, nullptr);
  context_ = context.release();
}

TlsAcceptor::~TlsAcceptor() { SSL_CTX_free(context_); }

bool TlsAcceptor::has_leaf_for_refusal(const ServerName& name) {
  return leaves_.has_room_for(name, LeafFor::Refusal);
}

awaitable<Result<Secured>> TlsAcceptor::accept(tcp::socket socket, Bytes already_read,
                                               ServerName destination, IdleList::Place* place,
                                               LeafFor why) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), context_, TlsStream::Role::Server,
                                            buffers_, std::move(already_read));
  if (!bind_sessions_to(stream->ssl(), destination)) {
    co_return Failure{Code::Internal, "no session context: " + openssl::take_errors()};
  }
  auto secured =
      co_await shake_hands(std::move(stream), std::move(destination), why, nullptr, place);
  co_return std::move(secured);
}

awaitable<Result<Secured>> TlsAcceptor::accept_by_name(tcp::socket socket, Bytes already_read,
                                                       NameGate& gate, IdleList::Place* place) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), context_, TlsStream::Role::Server,
                                            buffers_, std::move(already_read));
  std::optional<ServerName> none;
  auto secured =
      co_await shake_hands(std::move(stream), std::move(none), LeafFor::Refusal, &gate, place);
  co_return std::move(secured);
}

// `gate` null: the destination is there.
awaitable<Result<Secured>> TlsAcceptor::shake_hands(std::unique_ptr<TlsStream> stream,
                                                    std::optional<ServerName> destination,
                                                    LeafFor why, NameGate* gate,
                                                    IdleList::Place* place) {
  const IdleList::EndedBy ended_by(place, *stream);
  Deadline hello_deadline(wheel_, *stream, limits_.client_hello);
  Deadline deadline(wheel_, *stream, limits_.handshake);
  Handshake handshake{.destination = std::move(destination),
                      .why = why,
                      .gate = gate,
                      .offer_h2 = limits_.offer_h2,
                      .leaves = leaves_,
                      .stream = *stream,
                      .hello_deadline = hello_deadline,
                      .failure = std::nullopt};
  SSL_set_app_data(stream->ssl(), &handshake);
  TlsStream::HandshakeLimits limits;
  limits.hello_bytes = limits_.client_hello_bytes;
  limits.turns = &turns_;
  const IoStatus status = co_await stream->handshake(limits);
  SSL_set_app_data(stream->ssl(), nullptr);
  if (status != IoStatus::Ok) {
    hello_deadline.disarm();
    if (stream->hello() == HelloGate::State::TooLarge) {
      deadline.arm(kAlertLinger);
      co_await stream->after_alert();
    }
    stream->close();
    if (status == IoStatus::Protocol && handshake.failure) co_return std::move(*handshake.failure);
    co_return explain_handshake(*stream, status, hello_deadline.fired(), deadline.fired());
  }
  Secured secured;
  secured.alpn = stream->alpn();
  if (gate != nullptr) secured.name = std::move(handshake.destination);
  secured.stream = std::move(stream);
  co_return std::move(secured);
}

}  // namespace bottle
