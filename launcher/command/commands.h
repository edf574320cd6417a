#pragma once

#include <span>

#include "launcher/command/command.h"

namespace bottle::launcher {

// Every command of `bottle`, in the order of --help. A new one is a row here.
std::span<const CommandRow> command_table();

// Of every command, and of `bottle` itself. The parser answers it.
Option help_option();
// Of `bottle` itself.
Option version_option();

}  // namespace bottle::launcher
