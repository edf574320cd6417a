#pragma once

#include <filesystem>
#include <functional>

#include "launcher/backend/backend.h"
#include "launcher/plan/plan.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Runs the bottle of `plan` from its first file to its last, also on failure: its directory, its
// registration, the directory for its logs, what `backend` makes, the command, and the report of
// refused requests. Returns the command's status. `running` is called when the command runs, with
// the bottle's directory and the one of its logs.
using WhenRunning =
    std::function<void(const std::filesystem::path& runtime, const std::filesystem::path& state)>;
Expected<ExitStatus> run_bottle(const Plan& plan, BottleBackend& backend, BottleControl& control,
                                const WhenRunning& running = {});

}  // namespace bottle::launcher
