#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/backend.h"
#include "launcher/backend/local/helper.h"
#include "launcher/plan.h"
#include "launcher/process.h"
#include "launcher/result.h"

namespace bottle::launcher::local {

// A process without which the agent must not go on.
struct Watched {
  Child* child;
  std::string name;
  ExitCode code;
  std::filesystem::path log;
};

// Lets the helper become the agent and stays with it to its end: terminal, window size, signals.
// Fails when a watched process ends first (the agent is then ended too). When it returns, every
// process of the bottle is gone.
Result<ExitStatus> run_agent(const Plan& plan, const std::filesystem::path& runtime, Helper& helper,
                             const std::vector<Watched>& needed, SignalWatch& signals);

}  // namespace bottle::launcher::local
