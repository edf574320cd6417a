#pragma once

#include <memory>

#include "launcher/command/command.h"
#include "launcher/command/context.h"
#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// `bottle start`: makes a bottle, runs the command in it, and returns the command's status; with
// --dry-run prints the plan; for the name "demo" runs the demo.
Expected<int> run_start(const StartOptions& options, const Context& context);
// The demo has a command of its own.
Expected<void> check_start(const StartOptions& options);

// `bottle start [OPTIONS] WORD...` where WORD may be a command: from there on all is the command's.
Expected<std::unique_ptr<Command>> read_bare_start(const BareWords& words);

}  // namespace bottle::launcher
