#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/route.h"
#include "proxy/control/kept_policy.h"
#include "proxy/flow/policy.h"

namespace bottle {

// A host that a command asks to be let through.
struct AllowWish {
  std::string host;  // HostPattern
  std::optional<Route> route{};
  bool once = false;                            // for one request
  std::optional<std::chrono::seconds> lasts{};  // none: until the proxy ends
};
inline constexpr std::chrono::seconds kLongestAllow = std::chrono::hours(24 * 30);

// One entry as policy.list tells it.
struct PolicyRow {
  std::string host;
  std::optional<Route> route{};
  std::string by{};  // the user that asked for it; empty: an option or a file of the start
  std::optional<std::chrono::system_clock::time_point> since{};
  std::optional<std::chrono::system_clock::time_point> until{};
  bool once = false;
  bool over = false;  // spent, or its time is up
  std::uint64_t hits = 0;
};

// All that a proxy's policy is made of, with where it comes from: what a change starts from. Of
// main's thread. Commands come and go, the start's lists stay. A host that is closed (the route
// deny) is closed for every entry of the allowlist.
class PolicyBook {
 public:
  // The part that no change touches.
  struct Rules {
    std::vector<OwnAddress> own{};
    AddressGuard addresses{};
    bool takes_commands = false;
    bool learns = false;
    bool bypass_allowed = true;  // there may be routes whose answers bypass pipelock
    bool needs_names = false;    // behind the scanner an IP address cannot be reached
    bool ca_is_limited = false;  // the CA can vouch for the hosts of the start alone
  };
  using Time = std::chrono::system_clock::time_point;
  struct Entry {
    AllowEntry allow;  // of a closed host, only its name
    std::string by{};
    std::optional<Time> since{};
  };
  struct State {
    std::vector<Entry> added{};   // by commands, the newest first
    std::vector<Entry> closed{};  // the same
    std::vector<Entry> start{};
    std::vector<std::string> routes{};  // of the start
  };
  // A change, whole and checked, which has not been made.
  struct Change {
    State next{};
    std::shared_ptr<const Policy> policy{};
    std::string words{};  // the change, for the log; empty: it is so already
  };

  [[nodiscard]] static Expected<PolicyBook> make(const std::vector<std::string>& allow,
                                                 const std::vector<std::string>& routes,
                                                 Rules rules);

  [[nodiscard]] const std::shared_ptr<const Policy>& policy() const noexcept { return policy_; }
  // Fails if an address rule, a closed host, the CA or the missing exit stands against it. Takes
  // back a command that closed the very host.
  [[nodiscard]] Expected<Change> with_allowed(const AllowWish& wish, const std::string& who,
                                              Time now) const;
  // Closes a host (HostPattern without a port) for requests that come from now on.
  [[nodiscard]] Expected<Change> with_closed(const std::string& host, const std::string& who,
                                             Time now) const;
  // Other lists of the start, from a file that was read again. Changes by commands stay.
  [[nodiscard]] Expected<Change> with_start(const std::vector<std::string>& allow,
                                            const std::vector<std::string>& routes) const;
  // The change was made.
  void take(Change change);
  // For the next process of the same proxy, and that one's taking of it. An entry for one request
  // is not kept: it may have been used.
  [[nodiscard]] KeptPolicy kept() const;
  [[nodiscard]] Expected<void> restore(const KeptPolicy& kept);

  // In the order of Decision::entry, and of Decision::route_entry.
  [[nodiscard]] std::vector<PolicyRow> allowed(Time now) const;
  [[nodiscard]] std::vector<PolicyRow> routed() const;

 private:
  PolicyBook() = default;
  [[nodiscard]] State live_state() const;
  [[nodiscard]] Expected<Change> checked(State next, std::string words) const;
  [[nodiscard]] Expected<void> may_be_allowed(const HostPattern& host, const AllowWish& wish) const;

  Rules rules_;
  PermittedNames ca_names_;  // of the start
  State state_;
  std::shared_ptr<const Policy> policy_;
};

}  // namespace bottle
