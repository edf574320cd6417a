#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "launcher/command/command_line.h"
#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// `bottle completion bash|zsh`: a script made of the command line's own description, so that it
// cannot lag behind. Ids are asked from `bottle list --quiet` when they are needed.
Expected<int> run_completion(const CompletionOptions& options, const Context& context);

std::string bash_completion(const std::vector<CommandWords>& commands);
std::string zsh_completion(const std::vector<CommandWords>& commands);

}  // namespace bottle::launcher
