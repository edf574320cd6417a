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
#include "proxy/upstream/way.h"

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

// Straight to the destination. Every address is vetted by the guard after it was resolved, and only
// vetted ones are dialled, so a name that points inwards (or turns there later) reaches nothing.
// Its arguments outlive it.
class DirectWay final : public Way {
 public:
  DirectWay(TimerWheel& wheel, Resolver& resolver, const AddressGuard& guard,
            DialLimits limits = {});
  // Denied with the reason "address_not_allowed" if no address of the name may be dialled.
  awaitable<Result<asio::ip::tcp::socket>> open(const Destination& destination,
                                                std::uint64_t client) override;

 private:
  TimerWheel& wheel_;
  Resolver& resolver_;
  const AddressGuard& guard_;
  DialLimits limits_;
};

// To one fixed place, whatever destination is asked for. The place is the configuration's, so no
// guard; a name is resolved anew for each dial. With a broker the place is one of the namespace
// that the broker's sockets are of, and an IPv4 address.
class FixedWay final : public Way {
 public:
  FixedWay(TimerWheel& wheel, Resolver& resolver, Destination place, DialLimits limits = {},
           SocketBroker* broker = nullptr);
  awaitable<Result<asio::ip::tcp::socket>> open(const Destination& destination,
                                                std::uint64_t client) override;
  [[nodiscard]] const Destination& place() const noexcept { return place_; }

 private:
  TimerWheel& wheel_;
  Resolver& resolver_;
  Destination place_;
  DialLimits limits_;
  SocketBroker* broker_;
};

// Connections to origins, over any way. For Https the handshake verifies chain and name, and ALPN
// offers h2 and http/1.1. Its arguments outlive it.
class OriginDialer final : public Dialer {
 public:
  OriginDialer(Way& way, TlsClient& tls) : way_(way), tls_(tls) {}
  awaitable<Result<Connection>> dial(const Destination& destination, Scheme scheme,
                                     std::uint64_t client) override;
  awaitable<Result<Connection>> dial_http1(const Destination& destination, Scheme scheme,
                                           std::uint64_t client) override;

 private:
  awaitable<Result<Connection>> connect(const Destination& destination, Scheme scheme,
                                        std::uint64_t client, TlsClient::Offer offer);

  Way& way_;
  TlsClient& tls_;
};

// Plain connections to the scanner, whatever the arguments of dial() say. Every failure but
// Cancelled is ScannerUnavailable. `scanner` outlives it.
class ScannerDialer final : public Dialer {
 public:
  explicit ScannerDialer(FixedWay& scanner) : scanner_(scanner) {}
  awaitable<Result<Connection>> dial(const Destination& destination, Scheme scheme,
                                     std::uint64_t client) override;

 private:
  FixedWay& scanner_;
};

}  // namespace bottle
