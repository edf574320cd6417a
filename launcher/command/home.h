#pragma once

#include <string>
#include <vector>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct HomeOptions {
  // "list" (the default), "path" or "rm", then names of kept homes.
  std::vector<std::string> words{};
  bool json = false;
};
// `bottle home`: the homes that are kept. Without a name, path and rm are about the project of the
// current folder.
Expected<int> run_home(const HomeOptions& options, const Context& context);
// The words go together.
Expected<void> check_home(const HomeOptions& options);

}  // namespace bottle::launcher
