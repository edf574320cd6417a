#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "certs/server_name.h"
#include "proxy/base/deadline.h"
#include "proxy/contract/origin_rules.h"
#include "proxy/tls/origin_trust.h"
#include "proxy/tls/tls_stream.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace bottle {

struct TlsClientLimits {
  std::chrono::milliseconds handshake{10'000};
  std::size_t sessions = 256;  // remembered for resumption, one a name; 0 = none
};

// The origin-facing TLS of one worker: TLS 1.2 and 1.3, full verification of chain and name, no
// early data, no renegotiation, no client certificate. Hosts that a person names for it
// (OriginRules) are offered old ciphers of TLS 1.2, too. Its arguments outlive it.
class TlsClient {
 public:
  // `origins` may be null: then no host gets old ciphers.
  TlsClient(std::shared_ptr<const OriginTrust> trust, TimerWheel& wheel, RecordBuffers& buffers,
            TlsClientLimits limits = {}, const OriginRules* origins = nullptr);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  // The protocols to offer, in this order. Empty: no ALPN extension at all.
  struct Offer {
    std::vector<Alpn> alpn;
  };

  // The handshake on a connected socket. Failures: UpstreamTlsFailed with the reason
  // tls_expired, tls_not_yet_valid, tls_wrong_name, tls_self_signed, tls_unknown_ca, tls_bad_chain
  // (any other fault of the certificates), tls_client_cert_required, tls_protocol, tls_alert,
  // tls_reset, tls_timeout; Cancelled when the task was cancelled. The socket is closed then.
  awaitable<Result<Secured>> connect(asio::ip::tcp::socket socket, ServerName name, Offer offer);

 private:
  friend struct TlsClientCallbacks;
  struct Session {
    std::string key;
    ssl_session_st* session;
  };
  [[nodiscard]] bool remember(const std::string& key, ssl_session_st* owned) noexcept;
  void forget(const std::string& key);

  std::shared_ptr<const OriginTrust> trust_;
  TimerWheel& wheel_;
  RecordBuffers& buffers_;
  TlsClientLimits limits_;
  const OriginRules* const origins_;
  ssl_ctx_st* context_ = nullptr;
  std::list<Session> sessions_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Session>::iterator> by_key_;
};

}  // namespace bottle
