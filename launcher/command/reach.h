#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "launcher/backend/bottle_control.h"
#include "launcher/command/context.h"

namespace bottle::launcher {

// Finds out what a process can reach and do: the checks of bottle_checks.h that need no client.

inline constexpr std::chrono::milliseconds kTargetLimit{1500};

// kOk: the proxy of the environment takes connections. The one way out has to work.
Finding proxy_answers(const Context& context);

// kOk: none of the Unix sockets below these directories takes a connection: neither a container
// engine's nor the session's.
Finding local_sockets_check(const std::vector<std::filesystem::path>& directories);

// kOk: this process can make no raw or packet socket.
Finding raw_sockets_check();

// kOk: it has no capability, and can gain none.
Finding privileges_check();

}  // namespace bottle::launcher
