#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/http/authority.h"

namespace bottle {

// Makes TCP connections to destinations: directly, or through another proxy's CONNECT. The caller
// speaks on them (OriginDialer: TLS; a splice: the client's own bytes). One a worker, which
// outlives its dials.
class Way {
 public:
  virtual ~Way() = default;
  // A connected socket on which nothing was said to the destination, and from which nothing of its
  // words was read. `client`: Turn's. Failures: DnsFailed, ConnectFailed, UpstreamTimeout, Denied
  // (address), ScannerUnavailable and UpstreamDenied (through the scanner), Overloaded, Cancelled.
  virtual awaitable<Result<asio::ip::tcp::socket>> open(const Destination& destination,
                                                        std::uint64_t client) = 0;
};

}  // namespace bottle
