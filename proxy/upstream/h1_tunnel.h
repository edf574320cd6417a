#pragma once

#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"
#include "proxy/upstream/pool.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

// The upstream half of a tunnel on a connection of its own, which an HTTP/1.1 origin has opened
// with 101 (RFC 9110 section 7.8). `said` came from the origin behind its head. A child in
// exchange.tasks() sends what `from_client` brings, and then ends that direction alone; the result
// brings what the origin says, until it ends its own. The connection is closed when both have
// ended, one broke, or the result was stopped; it never goes back to the pool. Both count as idle
// only if nothing went either way for limits.tunnel_idle, which ends the tunnel with
// UpstreamTimeout. `limits` outlives the exchange.
[[nodiscard]] std::unique_ptr<BodySource> open_h1_tunnel(Lease lease, Bytes said,
                                                         std::unique_ptr<BodySource> from_client,
                                                         const H1ClientLimits& limits,
                                                         Exchange& exchange);

}  // namespace bottle
