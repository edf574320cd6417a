#pragma once

#include <filesystem>
#include <string>

#include "launcher/plan/plan.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The program that the spec names. Fails when it is not there.
Expected<std::string> find_pipelock(const BottleSpec& spec);

// From a spec to what pipelock must be told.
Expected<PipelockPlan> pipelock_policy(const BottleSpec& spec);

// The configuration file (YAML) of a pipelock that serves one bottle: it takes every
// host, which the exit does not, has deadlines of a day (bottle-proxy has its own), no scan of its
// own environment, no seed-phrase check (it refuses ordinary prompts), credentials in the headers
// that APIs use. `listen`: ADDRESS:PORT. An empty `log_file`: its standard output.
std::string pipelock_config(const PipelockPlan& plan, const std::string& bottle_id,
                            const std::string& listen, const std::filesystem::path& log_file);

}  // namespace bottle::launcher
