#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/backend/bottle_control.h"
#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The proof of a bottle's isolation, from inside.

// Whether this process is in one: its environment says so, or the bottle's CA is where it belongs.
bool in_a_bottle(const Surroundings& around);

// Somewhere that a bottle must not reach.
struct Target {
  enum class Kind {
    kTcp,
    kUdp,
    kUnix,     // `address` is a path
    kGateway,  // a port of each router and of the first address of each network of the bottle's
  };
  std::string name{};
  Kind kind = Kind::kTcp;
  std::string address{};  // IPv4 or IPv6, without brackets
  std::uint16_t port = 0;
  // Only ask the kernel for a route, which sends nothing: for addresses of other owners,
  // and that a bottle's network should have no route to.
  bool route_only = false;
};

// The built-in table. Nothing of it sends a packet to anything but the bottle's own networks.
std::vector<Target> default_targets();
// JSON: {"targets": [{"name": …, "kind": "tcp"|"udp"|"unix"|"gateway", "address": …, "port": …,
// "route_only": …}]}. Errors have line and column.
Expected<std::vector<Target>> read_targets(std::string_view text, const std::string& file);

// kOk: it cannot be reached. Each takes at most kTargetLimit.
Finding check_target(const Target& target);

// The clients that are installed, all targets, and what else a bottle does not have.
std::vector<Finding> bottle_checks(const std::vector<Target>& targets, const Context& context);

}  // namespace bottle::launcher
