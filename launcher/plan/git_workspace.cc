#include "launcher/plan/git_workspace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "launcher/plan/git_guard.h"
#include "launcher/plan/share_rules.h"
#include "launcher/plan/small_file.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

// True if the caller owns it, or is root.
bool is_callers(const fs::path& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 && (::getuid() == 0 || info.st_uid == ::getuid());
}

// Says what is wrong with a directory that should be a repository, or "".
std::string problem_with(const fs::path& common) {
  for (const char* name : {"objects", "refs"}) {
    if (!is_folder(common / name)) return "it has no directory " + std::string(name);
  }
  for (const char* name : {"HEAD", "config"}) {
    if (!is_file(common / name)) {
      return "its " + std::string(name) + " is not a file";
    }
  }
  // A link in a directory that the agent may write to could be replaced.
  if (is_there(common / "hooks") && !is_folder(common / "hooks")) {
    return "its hooks are not a directory, so they could not be kept read-only";
  }
  for (const char* name : {"modules", "worktrees"}) {
    if (is_there(common / name) && !is_folder(common / name)) {
      return "its " + std::string(name) + " is not a directory";
    }
  }
  if (is_there(common / "commondir")) return "it belongs to another one";
  if (!is_callers(common)) return "it is another user's";
  return {};
}

class Finder {
 public:
  Finder(const Surroundings& around, const ProtectEntry& protect, HeldFiles& held)
      : workspace_(held.workspace()), around_(around), protect_(protect), held_(held) {}

  GitPlan find() {
    const auto home = real_path(around_.home);
    for (fs::path at = workspace_; at != home; at = at.parent_path()) {
      const auto dot_git = at / ".git";
      if (is_there(dot_git)) {
        look_at(at, dot_git);
        break;
      }
      if (at == at.root_path()) break;
    }
    GitGuard inside(protect_, held_);
    inside.guard(workspace_ / ".git");
    out_.is_inside = inside.guards_any();
    inside.guard_below();
    for (auto& note : inside.take_notes()) out_.notes.push_back(std::move(note));
    return std::move(out_);
  }

 private:
  void look_at(const fs::path& top, const fs::path& dot_git) {
    const bool own = top == workspace_;
    switch (type_of(dot_git)) {
      case fs::file_type::directory:
        if (!own && mount(top, dot_git, {})) {
          out_.notes.push_back("git: the rest of the repository " + top.string() +
                               " is not in the bottle and looks deleted there: add and commit with "
                               "a path (git add .), never with -A or -a");
        }
        return;
      case fs::file_type::regular:
        return look_at_file(top, dot_git);
      case fs::file_type::symlink:
        // Something in the workspace works by itself.
        if (is_below(real_path(dot_git), workspace_)) return;
        [[fallthrough]];
      default:
        return not_mounted(dot_git.string() + " is neither a file nor a directory");
    }
  }

  void look_at_file(const fs::path& top, const fs::path& dot_git) {
    const auto named = path_in(dot_git, "gitdir: ");
    const auto git = named.empty() ? fs::path() : real_path(named);
    if (git.empty() || !is_folder(git)) {
      return not_mounted(dot_git.string() + " names no directory");
    }
    if (is_below(git, workspace_)) return;  // it is in the bottle anyway
    const auto shared = path_in(git / "commondir", "");
    const auto repository = shared.empty() ? fs::path() : real_path(shared);
    if (repository.empty() || git.parent_path() != repository / "worktrees") {
      return not_mounted(git.string() + ", named by " + dot_git.string() +
                         ", is not the directory of a linked worktree");
    }
    const auto back = path_in(git / "gitdir", "");
    if (back.filename() != ".git" || real_path(back.parent_path()) != top || !is_callers(git)) {
      return not_mounted(git.string() + " does not name " + dot_git.string() + " back");
    }
    mount(top, repository, git);
  }

  // `git`: the directory of the linked worktree in `common`, or empty.
  bool mount(const fs::path& top, const fs::path& common, const fs::path& git) {
    if (const auto problem = problem_with(common); !problem.empty()) {
      not_mounted(common.string() + ": " + problem);
      return false;
    }
    for (const auto& shared : {top, common}) {
      if (auto may = may_share(shared, "the repository", around_); !may) {
        not_mounted(may.error().message);
        return false;
      }
    }
    const bool of_worktree = has_worktree_config(common);
    for (const auto& directory : {common, git}) {
      const auto file = directory / "config.worktree";
      if (!of_worktree || directory.empty() || !is_there(file)) continue;
      if (is_file(file)) continue;
      not_mounted(file.string() + " is not a file");
      return false;
    }
    held_.open(common);
    const bool config = !protect_.frees(kGitConfigName);
    if (config) held_.keep(common / "config");
    if (!protect_.frees(kGitHooksName)) held_.make_and_keep(common / "hooks");
    // Mounts of their own, so that they cannot be renamed with what is below them.
    for (const char* name : {"modules", "worktrees"}) {
      if (is_there(common / name)) held_.keep(common / name);
    }
    if (of_worktree && config) held_.make_and_keep(common / "config.worktree");
    if (!git.empty()) {
      held_.open(git);
      for (const char* name : {"commondir", "gitdir"}) held_.keep(git / name);
      if (of_worktree && config) held_.make_and_keep(git / "config.worktree");
      if (is_folder(git / "modules")) held_.keep(git / "modules");
      held_.keep(top / ".git");
    }
    held_.forbid(common / "commondir");
    if (is_there(common / "objects/info/alternates")) {
      out_.notes.push_back("git: " + common.string() +
                           " borrows objects of other repositories, which are not in the bottle; "
                           "git repack -a -d makes it whole");
    }
    out_.top = top;
    return true;
  }

  void not_mounted(const std::string& why) {
    out_.notes.push_back("git will not work here, its repository is not in the bottle: " + why);
  }

  const fs::path& workspace_;
  const Surroundings& around_;
  const ProtectEntry& protect_;
  HeldFiles& held_;
  GitPlan out_;
};

}  // namespace

GitPlan find_git(const Surroundings& around, const ProtectEntry& protect, HeldFiles& held) {
  return Finder(around, protect, held).find();
}

}  // namespace bottle::launcher
