#include "launcher/plan/git_workspace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include "launcher/plan/share_rules.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using Kind = PlannedMount::Kind;

constexpr std::size_t kMaxLink = 4096 + 16;          // "gitdir: " and a path
constexpr std::size_t kMaxConfig = 4 * 1024 * 1024;  // of a repository

// A small regular file that is no link. nullopt: it is something else, or larger.
std::optional<std::string> small_file(const fs::path& file, std::size_t most) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  if (static_cast<std::size_t>(info.st_size) > most) return std::nullopt;
  std::string text(most, '\0');
  const auto got = ::read(fd.get(), text.data(), text.size());
  if (got < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(got));
  return text;
}

// The path in a file of one line, made absolute. Empty: there is none.
fs::path path_in(const fs::path& file, std::string_view before) {
  auto text = small_file(file, kMaxLink);
  if (!text || !text->starts_with(before)) return {};
  text->erase(0, before.size());
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty() || text->find_first_of(std::string_view("\0\n", 2)) != std::string::npos) {
    return {};
  }
  return file.parent_path() / *text;
}

fs::path real(const fs::path& path) {
  std::error_code ec;
  auto out = fs::canonical(path, ec);
  return ec ? fs::path() : out;
}

fs::file_type type_of(const fs::path& path) {  // not followed
  std::error_code ec;
  return fs::symlink_status(path, ec).type();
}
bool is_there(const fs::path& path) { return type_of(path) != fs::file_type::not_found; }
bool is_folder(const fs::path& path) { return type_of(path) == fs::file_type::directory; }

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
    if (type_of(common / name) != fs::file_type::regular) {
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

// Whether git reads config.worktree.
bool has_worktree_config(const fs::path& common) {
  const auto text = small_file(common / "config", kMaxConfig);
  if (!text) return true;
  constexpr std::string_view kWord = "worktreeconfig";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text->begin(), text->end(), kWord.begin(), kWord.end(), same) != text->end();
}

class Finder {
 public:
  Finder(const fs::path& workspace, const Surroundings& around)
      : workspace_(workspace), around_(around) {}

  GitPlan find() {
    const auto home = real(around_.home);
    for (fs::path at = workspace_; at != home; at = at.parent_path()) {
      const auto dot_git = at / ".git";
      if (is_there(dot_git)) {
        look_at(at, dot_git);
        break;
      }
      if (at == at.root_path()) break;
    }
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
        if (is_below(real(dot_git), workspace_)) return;
        [[fallthrough]];
      default:
        return not_mounted(dot_git.string() + " is neither a file nor a directory");
    }
  }

  void look_at_file(const fs::path& top, const fs::path& dot_git) {
    const auto named = path_in(dot_git, "gitdir: ");
    const auto git = named.empty() ? fs::path() : real(named);
    if (git.empty() || !is_folder(git)) {
      return not_mounted(dot_git.string() + " names no directory");
    }
    if (is_below(git, workspace_)) return;  // it is in the bottle anyway
    const auto shared = path_in(git / "commondir", "");
    const auto repository = shared.empty() ? fs::path() : real(shared);
    if (repository.empty() || git.parent_path() != repository / "worktrees") {
      return not_mounted(git.string() + ", named by " + dot_git.string() +
                         ", is not the directory of a linked worktree");
    }
    const auto back = path_in(git / "gitdir", "");
    if (back.filename() != ".git" || real(back.parent_path()) != top || !is_callers(git)) {
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
      if (type_of(file) == fs::file_type::regular) continue;
      not_mounted(file.string() + " is not a file");
      return false;
    }
    add(Kind::kWritable, common);
    add(Kind::kReadOnly, common / "config");
    keep(common / "hooks");
    if (is_there(common / "modules")) add(Kind::kReadOnly, common / "modules");
    // A mount of its own, so that it cannot be renamed with what is below it.
    if (is_there(common / "worktrees")) add(Kind::kReadOnly, common / "worktrees");
    if (of_worktree) keep(common / "config.worktree");
    if (!git.empty()) {
      add(Kind::kWritable, git);
      for (const char* name : {"commondir", "gitdir"}) add(Kind::kReadOnly, git / name);
      if (of_worktree) keep(git / "config.worktree");
      if (is_folder(git / "modules")) add(Kind::kReadOnly, git / "modules");
      add(Kind::kReadOnly, top / ".git");
    }
    out_.never_there.push_back(common / "commondir");
    if (is_there(common / "objects/info/alternates")) {
      out_.notes.push_back("git: " + common.string() +
                           " borrows objects of other repositories, which are not in the bottle; "
                           "git repack -a -d makes it whole");
    }
    out_.top = top;
    return true;
  }

  void add(Kind kind, const fs::path& path) {
    out_.mounts.push_back({kind, path.string(), path.string()});
  }

  // Read-only, also when it is not there yet.
  void keep(const fs::path& path) {
    if (!is_there(path)) out_.made.push_back(path);
    add(Kind::kReadOnly, path);
  }

  void not_mounted(const std::string& why) {
    out_.notes.push_back("git will not work here, its repository is not in the bottle: " + why);
  }

  const fs::path& workspace_;
  const Surroundings& around_;
  GitPlan out_;
};

}  // namespace

GitPlan find_git(const fs::path& workspace, const Surroundings& around) {
  return Finder(workspace, around).find();
}

GitGuard::GitGuard(const Plan& plan) : plan_(plan) {
  for (const auto& path : plan.git.made) {
    // If it cannot be made, the backend misses it and says so.
    const bool directory = path.filename() == "hooks";
    const bool made =
        directory ? ::mkdir(path.c_str(), 0755) == 0
                  : static_cast<bool>(Fd(::open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0644)));
    if (made) made_.push_back(path);
  }
}

GitGuard::~GitGuard() {
  for (const auto& path : made_) {
    struct stat info{};
    if (::rmdir(path.c_str()) == 0 || ::lstat(path.c_str(), &info) != 0) continue;
    if (S_ISREG(info.st_mode) && info.st_size == 0) ::unlink(path.c_str());
  }
}

std::vector<fs::path> GitGuard::removed() const {
  std::vector<fs::path> out;
  for (const auto& path : plan_.git.never_there) {
    std::error_code ec;
    if (fs::remove_all(path, ec) > 0 || is_there(path)) out.push_back(path);
  }
  return out;
}

}  // namespace bottle::launcher
