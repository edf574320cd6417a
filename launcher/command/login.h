#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// `bottle login …` as typed.
struct LoginOptions {
  std::vector<std::string> words;   // AGENT; or "list"; or "rm" and AGENT
  bool import = false;              // takes the login that the agent has on this machine
  std::optional<std::string> file;  // where that is
  // For stand-in origins, as `bottle start` has them.
  std::vector<std::string> resolve;
  std::optional<std::string> origin_ca;
};

Expected<void> check_login(const LoginOptions& options);

// Logs in at the maker of an agent, in a bottle of its own, and keeps what comes of it out of every
// bottle; or takes, lists or removes logins.
Expected<int> run_login(const LoginOptions& options, const Context& context);

}  // namespace bottle::launcher
