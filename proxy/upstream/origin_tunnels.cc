// The connections that tunnels get (RFC 6455, RFC 8441).
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/upstream/origins.h"

namespace bottle {

// A tunnel takes a stream of a shared connection whose origin is known to take tunnels, or else a
// connection of its own that speaks HTTP/1.1, as browsers do (RFC 8441 section 3). An origin
// without HTTP/1.1 is asked on a shared connection whether it takes them.
awaitable<Result<OriginUpstream::Origins::Connection>>
OriginUpstream::Origins::find_tunnel_connection(const std::string& key, Turn turn,
                                                Exchange& exchange) {
  Connection connection;
  for (const Need need : {Need::InUse, Need::Idle}) {
    Shared* const shared = with_capacity(key, need);
    if (shared == nullptr || shared->client.takes_tunnels() != true) continue;
    auto found = co_await find_connection(key, Pool::Want::AnyConnection, turn, exchange);
    if (!found) co_return found.error();
    if (found->shared != nullptr && found->shared->takes_tunnels() == true) co_return found;
    // It was taken into use for this tunnel, and is another one's again when the hold goes.
    if (found->shared != nullptr) found->hold = H2Client::Hold(*found->shared);
    break;
  }
  if (h2_only_.contains(key)) {
    auto shared = co_await shared_tunnel_connection(key, turn, exchange);
    co_return shared;
  }
  // Tunnels last: they are counted apart from the connections that requests wait for.
  auto lease = co_await pool_.lease("tunnel " + key, Pool::Want::NewConnection, turn);
  if (!lease) co_return lease.error();
  auto dialled =
      co_await dialer_.dial_http1(exchange.destination(), exchange.scheme(), exchange.client);
  if (dialled && dialled->protocol != Version::Http2) {
    lease->attach(std::move(dialled->stream));
    connection.lease = std::move(*lease);
    co_return connection;
  }
  const bool no_h1 = dialled || dialled.error().reason == problem_code::kTlsProtocol ||
                     dialled.error().reason == problem_code::kTlsAlert;
  if (!no_h1) co_return dialled.error();
  *lease = Lease();
  auto shared = co_await shared_tunnel_connection(key, turn, exchange);
  co_return shared;
}

awaitable<Result<OriginUpstream::Origins::Connection>>
OriginUpstream::Origins::shared_tunnel_connection(const std::string& key, Turn turn,
                                                  Exchange& exchange) {
  auto found = co_await find_connection(key, Pool::Want::AnyConnection, turn, exchange);
  if (!found || found->shared == nullptr) co_return found;
  found->hold = H2Client::Hold(*found->shared);
  const bool known = co_await found->shared->knows_tunnels(h2_.settings_ack);
  if (!known) co_return Failure{Code::UpstreamBroken, "the origin sent no SETTINGS"};
  if (found->shared->takes_tunnels() == true) {
    if (!found->shared->has_capacity()) {
      co_return Failure{Code::Overloaded, "the HTTP/2 connection takes no more requests"};
    }
    if (h2_only_.size() >= limits_.known_protocols && !h2_only_.contains(key)) {
      h2_only_.erase(h2_only_.begin());
    }
    h2_only_.insert(key);
    co_return found;
  }
  h2_only_.erase(key);  // it may speak HTTP/1.1 the next time
  co_return Failure{Code::UpgradeRefused,
                    "the origin speaks HTTP/2 alone and offers no tunnels on it (RFC 8441)",
                    problem_code::kWebsocketNotSupported};
}

}  // namespace bottle
