#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/plan/plan.h"
#include "launcher/plan/spec.h"

namespace bottle::launcher {

// The repository of a workspace when it lies outside of it: the workspace is a linked worktree (git
// worktree add), or a subfolder of a work tree. What a workspace's own files say is not believed:
// a downloaded project could name any directory. A repository is mounted only when it names the
// worktree back, as git itself writes it, or when it is the .git directory of a parent.
//
// The agent may change the repository, but not what makes git run programs on the host later: its
// configuration and hooks, those of its submodules, and the files by which the worktrees and the
// repository find each other.

// `workspace` is canonical.
GitPlan find_git(const std::filesystem::path& workspace, const Surroundings& around);

// Around the run of a bottle: makes what `made` names, and takes it away again if it is still
// empty.
class GitGuard {
 public:
  explicit GitGuard(const Plan& plan);
  GitGuard(const GitGuard&) = delete;
  GitGuard& operator=(const GitGuard&) = delete;
  ~GitGuard();
  // Removes what the agent must not have made, and names it.
  std::vector<std::filesystem::path> removed() const;

 private:
  const Plan& plan_;
  std::vector<std::filesystem::path> made_;
};

}  // namespace bottle::launcher
