#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "launcher/manifest/protect_entry.h"
#include "launcher/plan/held_files.h"

namespace bottle::launcher {

// Keeps the configuration and the hooks of the repositories within the workspace read-only, with
// those of their submodules and linked worktrees. The agent may commit, fetch and branch there.
class GitGuard {
 public:
  GitGuard(const ProtectEntry& protect, HeldFiles& held) : protect_(protect), held_(held) {}

  // The work tree whose .git is `dot_git`: a directory, a link, or a file that names a directory of
  // the workspace. Anything else is left alone.
  void guard(const std::filesystem::path& dot_git);
  // The repositories in folders of the workspace, one or two levels down.
  void guard_below();
  bool guards_any() const { return !done_.empty(); }
  std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  void repository(const std::filesystem::path& directory);
  void parts(const std::filesystem::path& directory, const char* name, bool may_nest);
  void hold(const std::filesystem::path& path);
  void submodules(const std::filesystem::path& top, int depth);
  void folders(const std::filesystem::path& parent, int levels);

  const ProtectEntry& protect_;
  HeldFiles& held_;
  std::set<std::filesystem::path> done_{};
  std::size_t budget_ = 20'000;  // entries of folders that guard_below() looks at; milliseconds
  std::vector<std::string> notes_{};
};

// Whether git reads config.worktree in this repository.
bool has_worktree_config(const std::filesystem::path& common);

}  // namespace bottle::launcher
