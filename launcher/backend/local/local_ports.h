#pragma once

#include <memory>

#include "launcher/backend/port_forward.h"
#include "launcher/lifetime/registry.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// Moves this process into the network of a bottle, and gives up every power there. Sockets that it
// has already stay of the host's network; new ones are of the bottle's.
Expected<std::unique_ptr<PortDialer>> enter_network(const BottleRecord& bottle);

}  // namespace bottle::launcher::local
