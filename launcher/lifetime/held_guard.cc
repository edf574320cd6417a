#include "launcher/lifetime/held_guard.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "launcher/lifetime/changed_files.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {

namespace fs = std::filesystem;

namespace {

// The record that names them is bounded. Each stands for a repository.
constexpr std::size_t kMostAbsent = 256;
constexpr std::size_t kMostAbsentBytes = 64 * 1024;

enum class Removal { kAbsent, kRemoved, kFailed };

Removal remove_file(const fs::path& path) {
  if (!path.is_absolute() || !path.has_filename()) return Removal::kFailed;
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto folder = path.parent_path();
  const Fd fd(
      static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, folder.c_str(), &how, sizeof(how))));
  if (!fd) return errno == ENOENT || errno == ENOTDIR ? Removal::kAbsent : Removal::kFailed;
  const auto name = path.filename();
  struct stat info{};
  if (::fstatat(fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Removal::kAbsent : Removal::kFailed;
  }
  // A link counts, since git would follow it.
  if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) return Removal::kFailed;
  return ::unlinkat(fd.get(), name.c_str(), 0) == 0 ? Removal::kRemoved : Removal::kFailed;
}

}  // namespace

HeldGuard::HeldGuard(const Plan& plan) : plan_(plan) {
  for (const auto& path : plan.held.made) {
    // If it cannot be made, the backend misses it and says so.
    const bool directory = path.filename() == "hooks";
    const bool made =
        directory ? ::mkdir(path.c_str(), 0755) == 0
                  : static_cast<bool>(Fd(::open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0644)));
    if (made) made_.push_back(path);
  }
  // File systems take the time of their changes from this clock.
  ::clock_gettime(CLOCK_REALTIME_COARSE, &begin_);
}

HeldGuard::~HeldGuard() {
  for (const auto& path : made_) {
    struct stat info{};
    if (::rmdir(path.c_str()) == 0 || ::lstat(path.c_str(), &info) != 0) continue;
    if (S_ISREG(info.st_mode) && info.st_size == 0) ::unlink(path.c_str());
  }
}

std::vector<fs::path> HeldGuard::removed() const {
  std::vector<fs::path> out;
  for (const auto& path : plan_.held.never_there) {
    std::error_code ec;
    const bool left = fs::exists(fs::symlink_status(path, ec));
    if (fs::remove_all(path, ec) > 0 || left) out.push_back(path);
  }
  return out;
}

HeldGuard::Changed HeldGuard::changed() const {
  ChangedFiles finder(plan_.workspace, plan_.held.protect, begin_);
  finder.ignore(made_);
  for (const auto& path : plan_.held.watched) finder.look_at(path);
  finder.walk();
  return {.files = finder.take_found(), .more = finder.more(), .cut = finder.cut()};
}

std::vector<fs::path> absent_at_start(const HeldPlan& held) {
  std::vector<fs::path> out;
  std::size_t bytes = 0;
  for (const auto& path : held.never_there) {
    std::error_code ec;
    if (fs::symlink_status(path, ec).type() != fs::file_type::not_found) continue;
    const auto folder = fs::canonical(path.parent_path(), ec);
    if (ec) continue;
    out.push_back(folder / path.filename());
    bytes += out.back().native().size();
    if (out.size() >= kMostAbsent || bytes >= kMostAbsentBytes) break;
  }
  return out;
}

AfterKill remove_after_kill(const std::vector<fs::path>& never_there) {
  AfterKill out;
  for (const auto& path : never_there) {
    const auto removal = remove_file(path);
    if (removal == Removal::kRemoved) out.removed.push_back(path);
    if (removal == Removal::kFailed) out.kept.push_back(path);
  }
  return out;
}

}  // namespace bottle::launcher
