#pragma once

#include <string>
#include <vector>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct SecretsOptions {
  // "list" (the default) or "reload", then the bottle's id, then names of secrets.
  std::vector<std::string> words{};
  bool json = false;
};
// Lists the secrets of a bottle that runs, without values; or takes new values of those that are
// kept out of it and hands them to its proxy. Without an id it is the one bottle that runs.
Expected<int> run_secrets(const SecretsOptions& options, const Context& context);
// The words go together.
Expected<void> check_secrets(const SecretsOptions& options);

}  // namespace bottle::launcher
