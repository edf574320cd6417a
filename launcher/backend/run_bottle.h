#pragma once

#include "launcher/backend/backend.h"
#include "launcher/plan/plan.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Runs the bottle of `plan` from its first file to its last, also on failure: its directory, its
// registration, the directory for its logs, what `backend` makes, the command, and the report of
// refused requests. Returns the command's status.
Expected<ExitStatus> run_bottle(const Plan& plan, BottleBackend& backend, BottleControl& control);

}  // namespace bottle::launcher
