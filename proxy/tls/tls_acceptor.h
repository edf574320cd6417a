#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "certs/leaf_cache.h"
#include "proxy/base/deadline.h"
#include "proxy/base/idle_list.h"
#include "proxy/tls/handshake_turns.h"
#include "proxy/tls/name_gate.h"
#include "proxy/tls/ticket_keys.h"
#include "proxy/tls/tls_stream.h"

struct ssl_ctx_st;

namespace bottle {

struct TlsAcceptorLimits {
  std::chrono::milliseconds client_hello{5'000};  // a hello spans a few segments, no more
  std::chrono::milliseconds handshake{10'000};    // all of it, the hello included
  std::size_t client_hello_bytes = 16 * 1024;     // post-quantum hellos take 2 KiB
  bool offer_h2 = true;                           // false: ALPN has http/1.1 alone
};

// The agent-facing TLS of one worker: one SSL_CTX, the certificate chosen per connection. TLS 1.2
// and 1.3, ECDHE-ECDSA with AEAD only, X25519 and P-256 alone, one ticket, no early data, no
// renegotiation, no compression. Everything passed in outlives it; it outlives no stream (they hold
// references).
class TlsAcceptor {
 public:
  TlsAcceptor(const LeafIssuer& ca, LeafCache& leaves, const TicketKeys& tickets, TimerWheel& wheel,
              RecordBuffers& buffers, TlsAcceptorLimits limits = {});
  TlsAcceptor(const TlsAcceptor&) = delete;
  TlsAcceptor& operator=(const TlsAcceptor&) = delete;
  ~TlsAcceptor();

  // The handshake for a client that was told it may speak to `destination`. `already_read` are
  // bytes that were read ahead. SNI other than the destination: alert before a leaf is minted, and
  // Misdirected "sni_mismatch". No SNI is fine: the leaf is the destination's. ALPN: h2, then
  // http/1.1, whatever order the client has; none offered means http/1.1; only others, alert.
  // Sessions resume for the same destination only.
  // Failures: ClientSlow, ClientGone, ClientBad (reasons "not_tls", "client_hello_too_large",
  // "sni_malformed", "ca_refused", "tls_alert", "tls_handshake", "no_application_protocol"),
  // Misdirected "sni_mismatch", Overloaded "too_many_names", Cancelled, Internal. Nothing can be
  // answered in any of these cases: the socket is closed. `place` may end the handshake, as if the
  // task was cancelled; null: nothing does.
  awaitable<Result<Secured>> accept(asio::ip::tcp::socket socket, Bytes already_read,
                                    ServerName destination, IdleList::Place* place = nullptr,
                                    LeafFor why = LeafFor::Allowed);

  // Whether a handshake for a host that is refused would find a leaf now. If not, the client is
  // better told before it.
  [[nodiscard]] bool has_leaf_for_refusal(const ServerName& name);

  // The same for a client that does not know the proxy: the host that its ClientHello names is
  // the destination, if `gate` (which outlives the call) lets it. The name is in the result.
  // Failures as above but sni_mismatch, and: ClientBad "sni_missing" and "sni_malformed" (also an
  // IP address), and the gate's. Sessions resume for the same name only.
  awaitable<Result<Secured>> accept_by_name(asio::ip::tcp::socket socket, Bytes already_read,
                                            NameGate& gate, IdleList::Place* place = nullptr);

 private:
  awaitable<Result<Secured>> shake_hands(std::unique_ptr<TlsStream> stream,
                                         std::optional<ServerName> destination, LeafFor why,
                                         NameGate* gate, IdleList::Place* place);

  LeafCache& leaves_;
  TimerWheel& wheel_;
  RecordBuffers& buffers_;
  TlsAcceptorLimits limits_;
  HandshakeTurns turns_;
  ssl_ctx_st* context_ = nullptr;
};

}  // namespace bottle
