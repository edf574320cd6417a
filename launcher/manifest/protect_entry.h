#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// Files and folders of a workspace that a person's own tools run or read later, without being
// asked: git, the shell, editors, agents, package managers. In a bottle they are read-only.

// Of the repository. core.hooksPath counts as ".git/hooks".
inline constexpr std::string_view kGitConfigName = ".git/config";
inline constexpr std::string_view kGitHooksName = ".git/hooks";

// The others, relative to the workspace. A folder stands for everything in it.
std::span<const std::string_view> protected_names();

// "protect" and "unprotect" of a bottle.
struct ProtectEntry {
  std::vector<std::string> added{};  // relative to the workspace, normal, without ".."
  std::vector<std::string> freed{};  // names of the above, or folders that hold some of them

  bool frees(std::string_view name) const;
};

// Checks the value of `key` completely; the first thing that is wrong is the error. `file` is only
// used in messages.
std::optional<Error> read_protect(const JsonNode& node, const std::string& file,
                                  const std::string& key, ProtectEntry& out);

}  // namespace bottle::launcher
