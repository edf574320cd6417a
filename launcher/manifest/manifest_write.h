#pragma once

#include <filesystem>
#include <string>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// A manifest's text as it is. Fails where load_manifest() does that it cannot be read.
Expected<std::string> manifest_text(const std::filesystem::path& file);

// Writes `after` into a manifest that has the text `before`; another text is an error, and stays.
// `file` is no link. The file itself is written, not a new one in its place: it is mounted
// read-only in bottles that run, and the kernel drops such a mount when another file takes the
// name. If it cannot be written to the end, `before` is put back.
Expected<void> replace_manifest(const std::filesystem::path& file, const std::string& before,
                                const std::string& after);

}  // namespace bottle::launcher
