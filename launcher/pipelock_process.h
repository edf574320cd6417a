#pragma once

#include <filesystem>
#include <string>

#include "launcher/plan.h"
#include "launcher/process.h"
#include "launcher/result.h"

namespace bottle::launcher {

// A pipelock of the bottle's own, on the host's loopback and outside the agent's namespace. It dies
// with the launcher.
struct RunningPipelock {
  Child child;
  std::string url;
};

// Writes its configuration into `directory`, starts it, and waits until GET /health answers. Its
// log goes to `state`. Names of the plan that DNS does not know get an /etc/hosts that only this
// pipelock sees (a mount namespace).
Result<RunningPipelock> start_pipelock(const Plan& plan, const std::filesystem::path& directory,
                                       const std::filesystem::path& state, SignalWatch& signals);

}  // namespace bottle::launcher
