#pragma once

#include <memory>
#include <string>
#include <vector>

#include "launcher/command/command.h"
#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Commands about bottles that run. Each returns the status that `bottle` ends with.

struct ListOptions {
  bool json = false;
  bool quiet = false;  // ids alone
};
Expected<int> run_list(const ListOptions& options, const Context& context);

struct StopOptions {
  std::vector<std::string> ids{};
  bool all = false;
  bool quiet = false;
};
// Asks the launchers to end their bottles, and waits until they are gone: SIGTERM, after 2 s SIGHUP
// as well (an interactive shell ignores SIGTERM), after 25 s SIGKILL, whose left-overs are then
// removed. Signals go through pidfds of processes that are verified to be the launchers.
Expected<int> run_stop(const StopOptions& options, const Context& context);
// Ids or --all, and not both.
Expected<void> check_stop(const StopOptions& options);

struct ExecOptions {
  std::string id{};
  std::vector<std::string> command{};
};
Expected<int> run_exec(const ExecOptions& options, const Context& context);
Expected<void> check_exec(const ExecOptions& options);
// The word after the id begins the command.
Expected<std::unique_ptr<Command>> read_bare_exec(const BareWords& words);

}  // namespace bottle::launcher
