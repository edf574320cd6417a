#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// A copy of the manifest in a bottle's state directory, where the agent cannot write: the text of
// the start, and then each text that `bottle allow` wrote onto it. A manifest that is
// another one when the bottle ends was changed by somebody else (ManifestGuard).

// Without it nothing is saved to the manifest; so a failure is no error.
void remember_manifest(const std::filesystem::path& state, const std::string& text);
// The same with the file's present text.
void copy_manifest(const std::filesystem::path& state, const std::filesystem::path& manifest);
// nullopt: there is none.
std::optional<std::string> known_manifest(const std::filesystem::path& state);

// An Error with `hint` if `file`, which has `text` now, is not the known one.
Expected<void> check_known(const std::filesystem::path& state, const std::filesystem::path& file,
                           const std::string& text, const std::string& hint);

}  // namespace bottle::launcher
