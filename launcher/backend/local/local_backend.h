#pragma once

#include <memory>

#include "launcher/backend/backend.h"

namespace bottle::launcher::local {

// Bottles without root and without containers: a user and network namespace with nothing in it but
// the proxy's listening socket, and the agent under bubblewrap in there.
std::unique_ptr<BottleBackend> make_local_backend();

}  // namespace bottle::launcher::local
