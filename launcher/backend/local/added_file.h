#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/plan/plan.h"

namespace bottle::launcher::local {

// Adds a file to a read-only folder of this machine: in the bottle the folder has the same entries,
// except those that `out` hides, and `file` (relative to it), which is generated. Nothing is added
// to a folder of hundreds of entries.
void add_file_to(const std::filesystem::path& folder, const std::filesystem::path& file,
                 const std::string& generated, std::vector<PlannedMount>& out);

}  // namespace bottle::launcher::local
