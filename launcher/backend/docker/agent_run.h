#pragma once

#include "launcher/backend/backend.h"
#include "launcher/backend/docker/bottle_containers.h"
#include "launcher/backend/docker/engine.h"
#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::docker {

// Starts the agent's container and stays with it to its end: the docker program carries the
// terminal, signals to the launcher are passed on through the engine. Ends the agent when the proxy
// ends first (Error of kProxy); when pipelock does, says so and goes on: the proxy refuses then.
// `running` is called once, when the agent runs.
Expected<ExitStatus> run_agent(const Engine& engine, const Plan& plan, BottleContainers& containers,
                               const std::filesystem::path& state, SignalWatch& signals,
                               const std::function<void()>& running);

}  // namespace bottle::launcher::docker
