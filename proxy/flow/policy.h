#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/failure.h"
#include "proxy/base/result.h"
#include "proxy/guard/address_guard.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

namespace bottle {

// Says what happens to a destination's requests. The other routes (relay, splice) are reserved
// words: naming one is a configuration error for now.
enum class Route : std::uint8_t { Scan, ScanRequests, Deny };
[[nodiscard]] std::string_view to_string(Route route) noexcept;

// A host that this process or its scanner answers on. No port: every port of it.
struct OwnAddress {
  std::string host;  // a name or an IP address, any case
  std::optional<std::uint16_t> port;
};

struct PolicySpec {
  // "HOST", "HOST:PORT"; HOST is a name, "*.x.y" (x.y and every name below it), "*" (every host,
  // addresses too), an IPv4 address, or an IPv6 address (in brackets if a port
  // follows). Without a port: 443 and 80.
  std::vector<std::string> allow;
  // "HOST=ROUTE"; HOST as above but without a port. The first that matches wins, the default is
  // scan. A route does not allow a host.
  std::vector<std::string> routes;
  std::vector<OwnAddress> own;  // refused before anything else is looked at
  AddressGuard addresses;       // for destinations that are IP addresses
};

struct Decision {
  Route route = Route::Deny;
  std::optional<Failure> refusal;  // set exactly if the route is Deny
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
  // Fails with Code::Internal and a text that names the entry and what to write instead.
  [[nodiscard]] static Result<Policy> make(PolicySpec spec);

  // `destination` is canonical. Resolves and dials nothing. Reasons:
  // own_address (also for metadata services), address_not_allowed, host_not_allowed,
  // port_not_allowed, route_deny.
  [[nodiscard]] Decision decide(const Destination& destination, Scheme scheme) const;
  [[nodiscard]] PermittedNames permitted_names() const;
  // True if decide() allows some port of that host; `name` in lower case, not an address. Such
  // names have an address behind the scanner.
  [[nodiscard]] bool knows_host(std::string_view name) const;

 private:
  struct HostPattern {
    enum class Kind : std::uint8_t { Exact, Subtree, Any, Address };
    Kind kind = Kind::Exact;
    std::string name;   // Exact and Subtree: lower case, without "*."
    IpAddress address;  // Address
    [[nodiscard]] bool matches(const Destination& destination,
                               const std::optional<IpAddress>& address_in) const;
  };
  struct AllowEntry {
    HostPattern host;
    std::optional<std::uint16_t> port;
  };
  struct RouteEntry {
    HostPattern host;
    Route route = Route::Deny;
  };
  struct OwnEntry {
    std::string name;
    std::optional<IpAddress> address;
    std::optional<std::uint16_t> port;
  };

  static Result<HostPattern> host_pattern(std::string_view host, std::string_view option,
                                          std::string_view entry);
  static Result<AllowEntry> allow_entry(std::string_view entry);
  static Result<RouteEntry> route_entry(std::string_view entry);
  [[nodiscard]] bool is_own(const Destination& destination,
                            const std::optional<IpAddress>& address) const;

  std::vector<AllowEntry> allow_;
  std::vector<RouteEntry> routes_;
  std::vector<OwnEntry> own_;
  AddressGuard addresses_;
};

inline constexpr std::size_t kMaxAllowEntries = 1024;
inline constexpr std::size_t kMaxRouteEntries = 1024;

}  // namespace bottle
