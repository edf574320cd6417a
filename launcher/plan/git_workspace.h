#pragma once

#include <filesystem>

#include "launcher/manifest/protect_entry.h"
#include "launcher/plan/held_files.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/spec.h"

namespace bottle::launcher {

// The repository of a workspace, when it lies outside of it (the workspace is a linked worktree of
// git worktree add, or a subfolder of a work tree), and what the agent must not change in any
// repository that the bottle has.
//
// A workspace's own files are not believed: a downloaded project could name any directory.
// A repository outside is mounted only when it names the worktree back, as git itself writes it, or
// when it is the .git directory of a parent.
//
// The agent may change a repository, but not what makes git run programs on the host later: its
// configuration and hooks, those of its submodules, and the files by which worktrees and
// repositories find each other.

// `held` is of the workspace, which is canonical. The plan's `config` stays empty.
GitPlan find_git(const Surroundings& around, const ProtectEntry& protect, HeldFiles& held);

}  // namespace bottle::launcher
