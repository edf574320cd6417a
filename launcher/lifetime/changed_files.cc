#include "launcher/lifetime/changed_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <tuple>
#include <utility>

namespace bottle::launcher {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxLooked = 300'000;  // about half a second from a warm cache
constexpr std::chrono::milliseconds kPatience{2000};
constexpr std::size_t kMaxFound = 12;

// Folders of downloaded packages, which are no project of the person's.
constexpr std::array<std::string_view, 5> kSkipped{"node_modules", ".venv", "venv", "site-packages",
                                                   ".tox"};

bool is_new(const fs::path& path, const std::timespec& since) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return false;
  return std::tie(info.st_ctim.tv_sec, info.st_ctim.tv_nsec) >=
         std::tie(since.tv_sec, since.tv_nsec);
}

bool is_real_folder(const fs::path& path) {
  std::error_code ec;
  return fs::symlink_status(path, ec).type() == fs::file_type::directory;
}

}  // namespace

ChangedFiles::ChangedFiles(fs::path workspace, const ProtectEntry& protect, std::timespec since)
    : workspace_(std::move(workspace)),
      config_(!protect.frees(kGitConfigName)),
      hooks_(!protect.frees(kGitHooksName)),
      since_(since),
      end_(std::chrono::steady_clock::now() + kPatience) {
  for (const auto name : protected_names()) {
    if (protect.frees(name)) continue;
    names_.push_back(name);
    const auto slash = name.find('/');
    if (slash != std::string_view::npos) parents_.emplace(name.substr(0, slash));
  }
}

void ChangedFiles::ignore(const std::vector<fs::path>& files) {
  ignored_.insert(files.begin(), files.end());
}

void ChangedFiles::tell_if_new(const fs::path& path) {
  if (ignored_.contains(path) || !is_new(path, since_) || !told_.insert(path).second) return;
  if (found_.size() < kMaxFound) {
    found_.push_back(path);
  } else {
    ++more_;
  }
}

bool ChangedFiles::out_of_budget() {
  constexpr std::size_t kBetweenLooks = 256;
  ++looked_;
  const bool late = looked_ % kBetweenLooks == 0 && std::chrono::steady_clock::now() > end_;
  if (looked_ > kMaxLooked || late) cut_ = true;
  return cut_;
}

void ChangedFiles::look_at(const fs::path& path) {
  if (is_real_folder(path)) {
    left_.push_back({.path = path, .name = {}, .inside = Inside::kNamed});
  } else {
    tell_if_new(path);
  }
}

void ChangedFiles::walk() {
  left_.push_back({.path = workspace_, .name = {}, .inside = Inside::kProject});
  for (; !left_.empty() && !cut_; left_.pop_front()) read(left_.front());
}

void ChangedFiles::read(const Folder& folder) {
  std::error_code ec;
  int of_repository = 0;  // a folder with all of these is one, whatever its name
  fs::directory_iterator at(folder.path, ec);
  for (; !ec && at != fs::directory_iterator(); at.increment(ec)) {
    if (out_of_budget()) return;
    std::error_code unknown;
    const bool is_folder = !at->is_symlink(unknown) && at->is_directory(unknown);
    const auto& path = at->path();
    switch (folder.inside) {
      case Inside::kNamed:
        look_at(path);
        break;
      case Inside::kRepository:
        in_repository(folder, path, is_folder);
        break;
      case Inside::kModules:
      case Inside::kProject: {
        const auto name = path.filename().string();
        const bool part = name == "HEAD" || name == "objects" || name == "refs";
        of_repository += part ? 1 : 0;
        if (folder.inside == Inside::kProject) {
          in_project(folder, path, is_folder);
        } else if (is_folder && !part) {
          left_.push_back({.path = path, .name = {}, .inside = Inside::kModules});
        }
        break;
      }
    }
  }
  // The person's tools do not read it either.
  if (ec && ec != std::errc::permission_denied && ec != std::errc::no_such_file_or_directory) {
    cut_ = true;
  }
  if (of_repository == 3) repository_here(folder);
}

void ChangedFiles::repository_here(const Folder& folder) {
  Folder repository = folder;
  repository.inside = Inside::kRepository;
  left_.push_back(std::move(repository));
}

void ChangedFiles::in_project(const Folder& folder, const fs::path& path, bool is_folder) {
  const std::string name = path.filename().string();
  if (name == ".git") {
    if (!is_folder) return tell_if_new(path);
    left_.push_back({.path = path, .name = {}, .inside = Inside::kRepository});
    return;
  }
  const std::string whole = folder.name.empty() ? name : folder.name + "/" + name;
  for (const auto protected_name : names_) {
    if (protected_name == name || protected_name == whole) return look_at(path);
  }
  // A link could lead to another folder with the rest of the name.
  const bool begins = parents_.contains(name);
  if (begins && !is_folder) return tell_if_new(path);
  if (!is_folder || std::find(kSkipped.begin(), kSkipped.end(), name) != kSkipped.end()) return;
  left_.push_back({.path = path, .name = begins ? name : "", .inside = Inside::kProject});
}

void ChangedFiles::in_repository(const Folder& folder, const fs::path& path, bool is_folder) {
  const std::string name = path.filename().string();
  if (name == "config" || name == "config.worktree" || name == "commondir") {
    if (config_) tell_if_new(path);
  } else if (name == "hooks" && hooks_) {
    if (!is_folder) return tell_if_new(path);
    std::error_code ec;
    for (fs::directory_iterator at(path, ec); !ec && at != fs::directory_iterator();
         at.increment(ec)) {
      if (out_of_budget()) return;
      if (at->path().extension() != ".sample") tell_if_new(at->path());
    }
  } else if (name == "modules" && is_folder) {
    left_.push_back({.path = path, .name = folder.name, .inside = Inside::kModules});
  }
}

}  // namespace bottle::launcher
