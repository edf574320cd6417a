#pragma once

#include <vector>

#include "launcher/command/command.h"
#include "launcher/plan/spec.h"

namespace bottle::launcher {

// Options of `bottle start`: ports of the bottle on this machine, and bounds of its processes.
std::vector<Option> machine_options(StartOptions& to);

}  // namespace bottle::launcher
