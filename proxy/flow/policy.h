#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/failure.h"
#include "proxy/contract/error.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/route.h"
#include "proxy/contract/route_place.h"
#include "proxy/flow/host_index.h"
#include "proxy/guard/address_guard.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

namespace bottle {

// A host that this process or its scanner answers on. No port: every port of it.
struct OwnAddress {
  std::string host;  // a name or an IP address, any case
  std::optional<std::uint16_t> port;
};

// How often an entry let a request pass: of all workers, and of every policy that has the entry.
struct EntryUse {
  std::atomic<std::uint64_t> hits{0};
  std::atomic<bool> spent{false};  // it was good for one request, and that has come
};

// An entry of the allowlist that came while the proxy ran, or whose use is counted.
struct AllowEntry {
  std::string host;              // HostPattern
  std::optional<Route> route{};  // of its requests, in place of the list of routes
  std::optional<std::chrono::steady_clock::time_point> until{};  // allows nothing from then on
  bool once = false;                                             // good for one request
  std::shared_ptr<EntryUse> use{};                               // null: one of its own
};

// Whether hosts pass that no entry opens, so that a person sees which ones an agent needs. Closed
// hosts, addresses and own addresses stay refused.
enum class Learning : std::uint8_t { Off, Names, NamesAndAddresses };

struct PolicySpec {
  // Before `allow`. The first that opens a destination counts.
  std::vector<AllowEntry> entries;
  std::vector<std::string> allow;  // HostPattern
  // "PLACE=ROUTE"; PLACE is a RoutePlace. Of those with a path that covers the request the longest
  // wins, else the first without one that matches; the default is scan. A host that is denied as a
  // whole is denied at every path. A route does not allow a host.
  std::vector<std::string> routes;
  std::vector<OwnAddress> own;  // refused before anything else is looked at
  AddressGuard addresses;       // for destinations that are IP addresses
  bool takes_commands = false;  // refusals may name `bottle allow`
  Learning learning = Learning::Off;
};

struct Decision {
  Route route = Route::Deny;
  std::optional<Failure> refusal;  // set exactly if the route is Deny
  // Of a host that wildcards alone allow: the first such entry's name, without "*."; a view of the
  // policy's. Empty: an entry has the whole name, or is "*".
  std::string_view wildcard = {};
  // The entry that opens the destination, counted through PolicySpec's `entries` and `allow`; not
  // set if none does.
  std::optional<std::size_t> entry = {};
  std::optional<std::size_t> route_entry = {};  // the one of PolicySpec's `routes` that counted
  bool learned = false;                         // no entry opens it, and it passes
};

// The names that the CA's intermediate may be constrained to.
struct PermittedNames {
  bool unconstrained = false;        // "*" is allowed: it cannot be expressed
  std::vector<std::string> dns;      // permitted subtrees: each covers the name and all below
  std::vector<IpAddress> addresses;  // permitted single addresses
};

// Whether a refusal is for the only reason that no entry of the allowlist opens the destination.
[[nodiscard]] bool is_allowlist_miss(const Failure& refusal) noexcept;

// The hosts that clients may reach. Immutable after make, except for the counts; const members may
// be called from any thread. A change is another Policy (Snapshot).
class Policy {
 public:
  // The Error names the entry and says what to write instead.
  [[nodiscard]] static Expected<Policy> make(PolicySpec spec);

  // `destination` and `target` are canonical; without a target no route of a path is looked at.
  // Resolves and dials nothing. Reasons: own_address (also for metadata services),
  // address_not_allowed, host_not_allowed, port_not_allowed, route_deny, path_ambiguous.
  [[nodiscard]] Decision decide(const Destination& destination, Scheme scheme,
                                std::string_view target = {}) const;
  // The same for a request that is about to go: its entry's use is counted, and one that is good
  // for one request is spent.
  [[nodiscard]] Decision admit(const Destination& destination, Scheme scheme,
                               std::string_view target = {}) const;
  // Whether some request to that host may have `route`, by whichever path.
  [[nodiscard]] bool may_have(const Destination& destination, Route route) const;
  [[nodiscard]] PermittedNames permitted_names() const;
  // True if an entry allows some port of that host; `name` in lower case, not an address. Such
  // names have an address behind the scanner.
  [[nodiscard]] bool knows_host(std::string_view name) const;
  // True if some entry gives a host that route.
  [[nodiscard]] bool has_route(Route route) const;

 private:
  struct Entry {
    HostPattern host;
    AllowEntry how;
    [[nodiscard]] bool holds() const;
  };
  struct RouteEntry {
    RoutePlace place;
    Route route = Route::Deny;
  };
  // The entry that counts, and whether the target has one reading.
  struct RouteFound {
    const RouteEntry* entry = nullptr;
    bool ambiguous = false;
  };
  struct Opening {
    bool host = false;  // some entry names the host, perhaps at other ports
    std::optional<std::size_t> entry{};
    std::string_view wildcard{};
  };
  struct OwnEntry {
    std::string name;
    std::optional<IpAddress> address;
    std::optional<std::uint16_t> port;
  };

  static Expected<RouteEntry> route_entry(std::string_view entry);
  Expected<void> add(AllowEntry entry);
  [[nodiscard]] RouteFound route_for(const Destination& destination, std::string_view target) const;
  [[nodiscard]] Opening opening(const Destination& destination) const;
  [[nodiscard]] Decision not_open(const Destination& destination, Scheme scheme,
                                  bool host_open) const;
  [[nodiscard]] bool learns(HostKind kind) const noexcept;
  [[nodiscard]] bool is_own(const Destination& destination,
                            const std::optional<IpAddress>& address) const;

  std::vector<Entry> allow_;
  HostIndex allow_index_;  // of the same numbers
  std::vector<RouteEntry> routes_;
  HostIndex route_index_;
  std::vector<OwnEntry> own_;
  AddressGuard addresses_;
  bool takes_commands_ = false;
  Learning learning_ = Learning::Off;
};

inline constexpr std::size_t kMaxAllowEntries = 1024;
inline constexpr std::size_t kMaxRouteEntries = 1024;

}  // namespace bottle
