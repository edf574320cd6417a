#pragma once

#include <filesystem>
#include <string>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// A manifest's text as it is. Fails where load_manifest() does that it cannot be read.
Expected<std::string> manifest_text(const std::filesystem::path& file);

// Writes a manifest anew with its mode. `file` is no link. A program that reads it meanwhile sees
// the old text or the new one.
Expected<void> replace_manifest(const std::filesystem::path& file, const std::string& text);

}  // namespace bottle::launcher
