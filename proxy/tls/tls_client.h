#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "certs/server_name.h"
#include "proxy/base/deadline.h"
#include "proxy/tls/tls_stream.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct x509_store_st;

namespace bottle {

// The roots that origins are checked against. Read once by main, shared by all workers, immutable.
// The bottle's own CA is never among them: an origin that shows it is refused.
class OriginTrust {
 public:
  // `origin_ca`, if not empty, is added to the system's roots (SSL_CERT_FILE or the usual bundle;
  // a system without any is then no error). Fails with Internal, saying which file and why.
  [[nodiscard]] static Result<std::shared_ptr<const OriginTrust>> load(
      const std::filesystem::path& origin_ca);
  // Only these PEM certificates.
  [[nodiscard]] static Result<std::shared_ptr<const OriginTrust>> from_pem(std::string_view pem);
  OriginTrust(const OriginTrust&) = delete;
  OriginTrust& operator=(const OriginTrust&) = delete;
  ~OriginTrust();

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  friend class TlsClient;
  OriginTrust() = default;
  x509_store_st* store_ = nullptr;
  std::size_t size_ = 0;
};

struct TlsClientLimits {
  std::chrono::milliseconds handshake{10'000};
  std::size_t sessions = 256;  // remembered for resumption, one a name; 0 = none
};

// The origin-facing TLS of one worker: TLS 1.2 and 1.3, full verification of chain and name, no
// early data, no renegotiation, no client certificate. What is passed in outlives it.
class TlsClient {
 public:
  TlsClient(std::shared_ptr<const OriginTrust> trust, TimerWheel& wheel, RecordBuffers& buffers,
            TlsClientLimits limits = {});
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  // What to offer, in this order. Empty: no ALPN extension at all.
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
  void remember(const std::string& key, ssl_session_st* owned);
  void forget(const std::string& key);

  std::shared_ptr<const OriginTrust> trust_;
  TimerWheel& wheel_;
  RecordBuffers& buffers_;
  TlsClientLimits limits_;
  ssl_ctx_st* context_ = nullptr;
  std::list<Session> sessions_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Session>::iterator> by_key_;
};

}  // namespace bottle
