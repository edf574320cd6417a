#pragma once

#include <string>
#include <variant>
#include <vector>

#include "launcher/result.h"
#include "launcher/spec.h"

namespace bottle::launcher {

// What the command line asks for.
struct PrintText {
  std::string text;  // --help, --version: to stdout, exit 0
};
struct RunDemo {
  StartOptions options;
};
using Command = std::variant<PrintText, StartOptions, RunDemo>;

// `arguments` without the program's name. Everything after the first `--` is the agent's command,
// untouched. Errors are of kind kUsage, or kNotYet for a reserved word.
Result<Command> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace bottle::launcher
