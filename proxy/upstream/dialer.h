#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <vector>

#include "proxy/base/deadline.h"
#include "proxy/guard/address_guard.h"
#include "proxy/tls/tls_client.h"
#include "proxy/upstream/resolver.h"
#include "proxy/upstream/socket_broker.h"
#include "proxy/upstream/upstream.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

// The order in which to try them (RFC 8305 section 4): the families in turn, the resolver's first
// one first; at most `most`.
[[nodiscard]] std::vector<Endpoint> interleave(const std::vector<Endpoint>& endpoints,
                                               std::size_t most);

// A connected socket to the first of `endpoints` that accepts: an attempt starts when the one
// before it failed or has taken `stagger` (RFC 8305 section 5). ConnectFailed (refused and the
// like), UpstreamTimeout, Cancelled. `endpoints` is not empty.
awaitable<Result<asio::ip::tcp::socket>> connect_first(TimerWheel& wheel,
                                                       std::vector<Endpoint> endpoints,
                                                       DialLimits limits);

// Connections to origins. Every address is vetted by the guard after it was resolved, and only
// vetted ones are dialled, so a name that points inwards (or turns there later) reaches nothing.
// For Https the handshake verifies chain and name, and ALPN offers h2 and http/1.1. What is passed
// in outlives it.
class OriginDialer final : public Dialer {
 public:
  OriginDialer(TimerWheel& wheel, Resolver& resolver, const AddressGuard& guard, TlsClient& tls,
               DialLimits limits = {});
  // Denied with the reason "address_not_allowed" if no address of the name may be dialled.
  awaitable<Result<Connection>> dial(const Destination& destination, Scheme scheme,
                                     std::uint64_t client) override;
  awaitable<Result<Connection>> dial_http1(const Destination& destination, Scheme scheme,
                                           std::uint64_t client) override;

 private:
  awaitable<Result<Connection>> connect(const Destination& destination, Scheme scheme,
                                        std::uint64_t client, TlsClient::Offer offer);

  TimerWheel& wheel_;
  Resolver& resolver_;
  const AddressGuard& guard_;
  TlsClient& tls_;
  DialLimits limits_;
};

// Plain connections to one fixed place, the scanner's, whatever the arguments of dial() say. The
// place is the configuration's, so no guard; a name is resolved anew for each dial. With a broker
// the place is one of the namespace that the broker's sockets are of, and an IPv4 address. Every
// failure but Cancelled is ScannerUnavailable.
class ScannerDialer final : public Dialer {
 public:
  ScannerDialer(TimerWheel& wheel, Resolver& resolver, Destination scanner, DialLimits limits = {},
                SocketBroker* broker = nullptr);
  awaitable<Result<Connection>> dial(const Destination& destination, Scheme scheme,
                                     std::uint64_t client) override;

 private:
  awaitable<Result<asio::ip::tcp::socket>> connect(std::vector<Endpoint> endpoints);

  TimerWheel& wheel_;
  Resolver& resolver_;
  Destination scanner_;
  DialLimits limits_;
  SocketBroker* broker_;
};

}  // namespace bottle
