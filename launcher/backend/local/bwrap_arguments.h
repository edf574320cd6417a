#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/plan/plan.h"

namespace bottle::launcher::local {

struct BwrapSettings {
  std::filesystem::path runtime;  // where the kGenerated and kOwned files are
  int status_fd = -1;             // bwrap tells of its first process and of the command's end there
  bool terminal = false;          // the agent gets a pseudo terminal of its own
};

// Every argument for bubblewrap before the command: namespaces, files, environment. They go to
// bwrap through --args, because what is on a command line can be read by everyone on the machine.
std::vector<std::string> bwrap_arguments(const Plan& plan, const BwrapSettings& settings);

}  // namespace bottle::launcher::local
