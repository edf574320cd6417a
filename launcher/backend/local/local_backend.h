#pragma once

#include <memory>

#include "launcher/backend/backend.h"

namespace bottle::launcher::local {

// Where bubblewrap is looked for, whatever the caller's PATH is.
inline constexpr const char* kToolPath = "/usr/local/bin:/usr/bin:/bin";

// Bottles without root and without containers: a user and network namespace with nothing in it but
// the proxy's listening socket, and the agent under bubblewrap in there.
std::unique_ptr<BottleBackend> make_local_backend();

}  // namespace bottle::launcher::local
