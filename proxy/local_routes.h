#pragma once

#include "proxy/guard/address_guard.h"

namespace bottle {

// Asks the kernel's routes, as it would for a connection, whether packets to an address stay on
// this machine (its network namespace): so are addresses of interfaces, also those that came a
// moment ago, and ranges that a route makes local. Nothing is kept. Where routes cannot be asked,
// the interfaces are.
class LocalRoutes final : public MachineAddresses {
 public:
  [[nodiscard]] std::optional<bool> has(const IpAddress& address) const override;
};

}  // namespace bottle
