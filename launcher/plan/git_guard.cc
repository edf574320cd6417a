#include "launcher/plan/git_guard.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <system_error>
#include <utility>

#include "launcher/plan/plan.h"
#include "launcher/plan/small_file.h"

namespace bottle::launcher {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxConfig = 4 * 1024 * 1024;  // of a repository
constexpr std::size_t kMaxModules = 64 * 1024;       // .gitmodules
constexpr std::size_t kMaxRepositories = 100;        // bwrap takes 9000 arguments
constexpr std::size_t kMaxParts = 2000;  // entries of the folders of submodules and worktrees
constexpr int kMaxNested = 4;            // submodules of submodules

// The folders of a folder, sorted. Links are none. `budget` is of entries that are looked at.
struct Folders {
  Folders(const fs::path& parent, std::size_t& budget) {
    std::error_code ec;
    fs::directory_iterator at(parent, ec);
    for (; !ec && at != fs::directory_iterator(); at.increment(ec)) {
      if (budget == 0) break;
      --budget;
      std::error_code unknown;
      if (!at->is_symlink(unknown) && at->is_directory(unknown)) found.push_back(at->path());
    }
    complete = !ec && at == fs::directory_iterator();
    std::sort(found.begin(), found.end());
  }
  std::vector<fs::path> found{};
  bool complete = false;
};

// The paths that a .gitmodules names.
std::vector<fs::path> paths_of(const fs::path& gitmodules) {
  std::vector<fs::path> out;
  const auto text = small_file(gitmodules, kMaxModules);
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const auto trimmed = [](std::string_view word) {
      const auto from = word.find_first_not_of(" \t");
      if (from == std::string_view::npos) return std::string_view();
      return word.substr(from, word.find_last_not_of(" \t\r") + 1 - from);
    };
    if (trimmed(line.substr(0, equals)) != "path") continue;
    const auto path = fs::path(trimmed(line.substr(equals + 1))).lexically_normal();
    if (!path.empty() && path.is_relative() && *path.begin() != ".." && path != ".") {
      out.push_back(path);
    }
  }
  return out;
}

}  // namespace

bool has_worktree_config(const fs::path& common) {
  const auto text = small_file(common / "config", kMaxConfig);
  if (!text) return true;
  constexpr std::string_view kWord = "worktreeconfig";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text->begin(), text->end(), kWord.begin(), kWord.end(), same) != text->end();
}

void GitGuard::hold(const fs::path& path) {
  for (auto& note : held_.keep_named(path)) notes_.push_back("git: " + std::move(note));
}

void GitGuard::guard(const fs::path& dot_git) {
  switch (type_of(dot_git)) {
    case fs::file_type::directory:
      repository(dot_git);
      break;
    case fs::file_type::regular: {
      hold(dot_git);
      const auto named = path_in(dot_git, "gitdir: ");
      const auto directory = named.empty() ? fs::path() : real_path(named);
      if (is_below(directory, held_.workspace()) && is_folder(directory)) repository(directory);
      break;
    }
    case fs::file_type::symlink: {
      hold(dot_git);
      const auto directory = real_path(dot_git);
      if (is_below(directory, held_.workspace()) && is_folder(directory)) repository(directory);
      return;
    }
    default:
      return;
  }
  submodules(dot_git.parent_path(), 0);
}

// The directory of a repository, of a submodule, or of a linked worktree.
void GitGuard::repository(const fs::path& directory) {
  if (!done_.insert(directory).second) return;
  const bool config = !protect_.frees(kGitConfigName);
  const auto common = directory / "commondir";
  if (is_there(common)) {
    for (const char* name : {"commondir", "gitdir", "config.worktree"}) hold(directory / name);
    // The work tree is told by its file, which names this directory back.
    const auto tree = path_in(directory / "gitdir", "");
    if (tree.filename() == ".git" && is_below(real_path(tree), held_.workspace())) {
      hold(real_path(tree));
    }
    return;
  }
  if (!is_there(directory / "objects") || !is_there(directory / "HEAD")) return;
  held_.forbid(common);
  const auto keep = [this](const fs::path& path) {
    if (is_there(path)) return hold(path);
    held_.make_and_keep(path);
  };
  if (config) {
    keep(directory / "config");
    if (has_worktree_config(directory)) keep(directory / "config.worktree");
  }
  if (!protect_.frees(kGitHooksName)) keep(directory / "hooks");
  parts(directory, "worktrees", false);
  parts(directory, "modules", true);
}

// The repositories in a folder of a repository. A submodule's name may have slashes.
void GitGuard::parts(const fs::path& directory, const char* name, bool may_nest) {
  const auto parent = directory / name;
  if (!is_folder(parent)) {
    if (is_there(parent)) hold(parent);
    return;
  }
  std::vector<fs::path> left{parent};
  std::size_t budget = kMaxParts;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const Folders folders(left[i], budget);
    for (const auto& folder : folders.found) {
      if (!folders.complete || done_.size() > kMaxRepositories) {
        held_.keep(parent);
        notes_.push_back("git: " + parent.string() +
                         " is read-only in the bottle: it has more repositories than can be "
                         "guarded one by one");
        return;
      }
      const bool is_repository = is_there(folder / "HEAD") && is_there(folder / "config");
      if (is_repository || !may_nest) {
        repository(folder);
      } else {
        left.push_back(folder);
      }
    }
  }
}

void GitGuard::submodules(const fs::path& top, int depth) {
  if (depth == kMaxNested || !is_below(top, held_.workspace())) return;
  for (const auto& path : paths_of(top / ".gitmodules")) {
    const auto tree = top / path;
    if (done_.size() > kMaxRepositories || real_path(tree) != tree) continue;
    if (!is_file(tree / ".git") || held_.keeps(tree / ".git")) continue;
    hold(tree / ".git");
    submodules(tree, depth + 1);
  }
}

void GitGuard::guard_below() { folders(held_.workspace(), 2); }

void GitGuard::folders(const fs::path& parent, int levels) {
  for (const auto& folder : Folders(parent, budget_).found) {
    if (done_.size() > kMaxRepositories) return;
    if (folder.filename() == ".git" || folder.filename() == "node_modules") continue;
    guard(folder / ".git");
    if (levels > 1) folders(folder, levels - 1);
  }
}

}  // namespace bottle::launcher
