#pragma once

#include "launcher/command/command_line.h"
#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Commands about bottles that run. Each returns the status that `bottle` ends with.

Expected<int> run_list(const ListOptions& options, const Context& context);

// Asks the launchers to end their bottles, and waits until they are gone: SIGTERM, after 2 s SIGHUP
// as well (an interactive shell ignores SIGTERM), after 25 s SIGKILL, whose left-overs are then
// removed. Signals go through pidfds of processes that are verified to be the launchers.
Expected<int> run_stop(const StopOptions& options, const Context& context);

Expected<int> run_exec(const ExecOptions& options, const Context& context);

}  // namespace bottle::launcher
