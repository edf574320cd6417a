#pragma once

#include <optional>
#include <string>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct HelpOptions {
  std::optional<std::string> topic{};
};

struct VersionOptions {};

// `bottle help [COMMAND]`: the text of --help.
Expected<int> run_help(const HelpOptions& options, const Context& context);

// `bottle version`: the text of --version.
Expected<int> run_version(const VersionOptions& options, const Context& context);

}  // namespace bottle::launcher
