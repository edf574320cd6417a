#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/guard/address_guard.h"

namespace bottle {

// The address that this machine has in `range` (CIDR notation), for listening in a network whose
// addresses are assigned by another program, such as a container's. Looks at the interfaces that
// are up now. Fails when the range is none, or none or several addresses are in it: which one was
// meant must be certain.
[[nodiscard]] Expected<std::string> own_address_in(std::string_view range);

// Every IP address that an interface of this machine has, in its network namespace.
[[nodiscard]] Expected<std::vector<IpAddress>> interface_addresses();

}  // namespace bottle
