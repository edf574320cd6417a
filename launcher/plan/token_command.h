#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "proxy/contract/error.h"

namespace bottle::launcher {

inline constexpr std::chrono::seconds kTokenCommandTime{30};  // a browser is not waited for
inline constexpr std::size_t kMostTokenBytes = 64 * 1024;

// Runs a command of this machine that prints a token: no shell, the caller's environment with PATH
// as `path` if that is given, no input.
// Returns its standard output without the last line's end. A command that has not ended after
// `limit` is killed with all that it started in its session. The Error (kEnvironment) names the
// command, its status and the last line of its standard error, and holds nothing of its output.
Expected<std::string> token_of_command(const std::string& name,
                                       const std::vector<std::string>& command,
                                       std::chrono::milliseconds limit = kTokenCommandTime,
                                       const std::optional<std::string>& path = std::nullopt);

}  // namespace bottle::launcher
