#pragma once

#include <optional>
#include <span>
#include <string>

#include "launcher/command/command.h"
#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct CompletionOptions {
  std::optional<std::string> shell{};
  std::optional<std::string> list{};  // the scripts' question: "names" or "hosts"
};

// `bottle completion bash|zsh|fish`: a script made of the table of commands, so that it cannot lag
// behind. Ids are asked from `bottle list --quiet` when they are needed, names and hosts of the
// manifest from `bottle completion --list`.
Expected<int> run_completion(const CompletionOptions& options, const Context& context);
Expected<void> check_completion(const CompletionOptions& options);

std::string bash_completion(std::span<const CommandRow> commands);
std::string zsh_completion(std::span<const CommandRow> commands);
std::string fish_completion(std::span<const CommandRow> commands);

}  // namespace bottle::launcher
