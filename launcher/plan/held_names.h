#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/manifest/protect_entry.h"
#include "launcher/plan/held_files.h"

namespace bottle::launcher {

// Where git's settings send git for programs and for more settings.
struct GitPaths {
  std::vector<std::filesystem::path> hooks{};     // core.hooksPath
  std::vector<std::filesystem::path> settings{};  // include.path, includeIf.*.path
};

// Keeps the workspace's own files read-only that a person's tools run or read later, those that
// the manifest adds, and those of `git` that lie in the workspace. Returns notes for the start.
std::vector<std::string> hold_names(const ProtectEntry& protect, const GitPaths& git,
                                    bool has_repository, HeldFiles& held);

}  // namespace bottle::launcher
