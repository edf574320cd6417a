#pragma once

#include <span>
#include <string>

#include "launcher/command/command.h"
#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct CompletionOptions {
  std::string shell{};
};

// `bottle completion bash|zsh`: a script made of the table of commands, so that it cannot lag
// behind. Ids are asked from `bottle list --quiet` when they are needed.
Expected<int> run_completion(const CompletionOptions& options, const Context& context);

std::string bash_completion(std::span<const CommandRow> commands);
std::string zsh_completion(std::span<const CommandRow> commands);

}  // namespace bottle::launcher
