#pragma once

#include <filesystem>
#include <string>

#include "launcher/manifest/manifest.h"
#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The rules for sharing files with a bottle, the same for every backend: not the system, not
// the caller's home, no directory full of sockets, no socket.

// `path` is canonical, `what` begins the message ("the workspace").
Expected<void> may_share(const std::filesystem::path& path, const std::string& what,
                         const Surroundings& around);

// The canonical host path of a manifest's mount that exists and may be shared.
Expected<std::filesystem::path> shared_source(const Mount& mount, const Surroundings& around);

}  // namespace bottle::launcher
