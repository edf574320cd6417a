#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "launcher/backend/backend.h"
#include "launcher/backend/local/agent_room.h"
#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// A process that the agent's traffic goes through.
struct Watched {
  Child* child;
  std::string name;
  ExitCode code;
  std::filesystem::path log;
  // The bottle ends with it. Otherwise it goes on, and it is said what does not work any more:
  std::string lost{};  // empty: the bottle ends
};

// Runs the agent in its room and stays with it to its end: terminal, window size, signals.
// Fails when a watched process that it needs ends first (the agent is then ended too). When it
// returns, every process of the bottle is gone. `running` is called once, when the command runs.
Expected<ExitStatus> run_agent(const Plan& plan, const ResourceLimits& of_each_process,
                               const std::filesystem::path& runtime, AgentRoom& agent_room,
                               const std::vector<Watched>& needed, SignalWatch& signals,
                               const std::function<void()>& running);

}  // namespace bottle::launcher::local
