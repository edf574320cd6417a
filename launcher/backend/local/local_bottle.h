#pragma once

#include <memory>

#include "launcher/backend/backend.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// Writes the files that need no proxy, and begins to make the namespaces. bottle-proxy and pipelock
// are started by make().
Expected<std::unique_ptr<BackendBottle>> begin_local_bottle(const BottleResources& resources);

}  // namespace bottle::launcher::local
