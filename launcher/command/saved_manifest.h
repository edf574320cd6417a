#pragma once

#include <filesystem>
#include <string>

#include "launcher/command/context.h"

namespace bottle::launcher {

// After a manifest was written by a command: each bottle that runs with it, and that knew the text
// `before`, knows `after` (known_manifest.h). Otherwise it would take the person's change for the
// agent's. `file` is no link.
void tell_bottles(const std::filesystem::path& file, const std::string& before,
                  const std::string& after, const Context& context);

// The path for a terminal: an agent can have chosen the names in it, by a link.
std::string shown_path(const std::filesystem::path& file);

}  // namespace bottle::launcher
