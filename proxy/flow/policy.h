#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/failure.h"
#include "proxy/contract/error.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/route.h"
#include "proxy/guard/address_guard.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

namespace bottle {

// A host that this process or its scanner answers on. No port: every port of it.
struct OwnAddress {
  std::string host;  // a name or an IP address, any case
  std::optional<std::uint16_t> port;
};

struct PolicySpec {
  std::vector<std::string> allow;  // HostPattern
  // "HOST=ROUTE"; HOST is a HostPattern without a port. The first that matches wins, the default is
  // scan. A route does not allow a host.
  std::vector<std::string> routes;
  std::vector<OwnAddress> own;  // refused before anything else is looked at
  AddressGuard addresses;       // for destinations that are IP addresses
};

struct Decision {
  Route route = Route::Deny;
  std::optional<Failure> refusal;  // set exactly if the route is Deny
  // Of a host that wildcards alone allow: the first such entry's name, without "*."; a view of the
  // policy's. Empty: an entry has the whole name, or is "*".
  std::string_view wildcard = {};
};

// The names that the CA's intermediate may be constrained to.
struct PermittedNames {
  bool unconstrained = false;        // "*" is allowed: it cannot be expressed
  std::vector<std::string> dns;      // permitted subtrees: each covers the name and all below
  std::vector<IpAddress> addresses;  // permitted single addresses
};

// The hosts that clients may reach. Immutable after make; const members may be called from any
// thread.
class Policy {
 public:
  // The Error names the entry and says what to write instead.
  [[nodiscard]] static Expected<Policy> make(PolicySpec spec);

  // `destination` is canonical. Resolves and dials nothing. Reasons:
  // own_address (also for metadata services), address_not_allowed, host_not_allowed,
  // port_not_allowed, route_deny.
  [[nodiscard]] Decision decide(const Destination& destination, Scheme scheme) const;
  [[nodiscard]] PermittedNames permitted_names() const;
  // True if decide() allows some port of that host; `name` in lower case, not an address. Such
  // names have an address behind the scanner.
  [[nodiscard]] bool knows_host(std::string_view name) const;

 private:
  struct RouteEntry {
    HostPattern host;
    Route route = Route::Deny;
  };
  struct OwnEntry {
    std::string name;
    std::optional<IpAddress> address;
    std::optional<std::uint16_t> port;
  };

  static Expected<RouteEntry> route_entry(std::string_view entry);
  [[nodiscard]] bool is_own(const Destination& destination,
                            const std::optional<IpAddress>& address) const;

  std::vector<HostPattern> allow_;
  std::vector<RouteEntry> routes_;
  std::vector<OwnEntry> own_;
  AddressGuard addresses_;
};

inline constexpr std::size_t kMaxAllowEntries = 1024;
inline constexpr std::size_t kMaxRouteEntries = 1024;

}  // namespace bottle
