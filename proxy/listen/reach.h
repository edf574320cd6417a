#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/guard/address_guard.h"
#include "proxy/listen/listener.h"

namespace bottle {

// Loopback, private (RFC 1918, RFC 4193), link-local or carrier-grade NAT (RFC 6598): a client that
// reaches such an address is near. All others count as public.
[[nodiscard]] bool is_nearby(const IpAddress& address);

// 0.0.0.0 or ::, which stand for every address of the machine.
[[nodiscard]] bool is_unspecified(const IpAddress& address);

// The public address, if there is one, at which a listener bound to `host` can be reached. Bound to
// every address (0.0.0.0, or :: which has IPv4 as well) it is the first public one among `own`.
[[nodiscard]] std::optional<IpAddress> public_address(const IpAddress& host,
                                                      const std::vector<IpAddress>& own);

// Says no (bad_config) to listeners that strangers could use: `front` (--listen) at a public
// address without --proxy-auth, and those of clients that know of no proxy and therefore cannot
// show a password (`option` names them) at a public address at all. Looks at the addresses that
// this machine has now.
[[nodiscard]] Expected<void> check_front_reach(const Listeners& front, bool has_users);
[[nodiscard]] Expected<void> check_transparent_reach(const std::vector<Listeners>& listeners,
                                                     std::string_view option);

}  // namespace bottle
