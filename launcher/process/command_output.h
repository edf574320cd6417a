#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace bottle::launcher {

// The caller's environment, with `variables` ("NAME=value") over it.
std::vector<std::string> environment_with(const std::vector<std::string>& variables = {});

// The output of a short-lived program.
struct CommandOutput {
  int status = -1;  // as a shell counts; -1: it could not be started, or the time was up
  bool timed_out = false;
  std::string text{};  // standard output and error together, at most 64 KiB
};

// Runs programs to their end, side by side, each with /dev/null as its input and the caller's
// environment with `variables` ("NAME=value") over it. A command that has not ended after `limit`
// is killed, with its process group. The answers are in the order of `commands`; a command's first
// word is a path.
std::vector<CommandOutput> outputs_of(const std::vector<std::vector<std::string>>& commands,
                                      std::chrono::milliseconds limit,
                                      const std::vector<std::string>& variables = {});

CommandOutput output_of(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                        const std::vector<std::string>& variables = {});

}  // namespace bottle::launcher
