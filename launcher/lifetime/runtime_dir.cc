#include "launcher/lifetime/runtime_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "launcher/plan/home_folder.h"

namespace bottle::launcher {
namespace {

// The base is in a place that others may write to (/tmp): it must be ours alone.
Expected<void> own_directory_at(const std::filesystem::path& base) {
  std::error_code ec;
  if (base.has_parent_path()) std::filesystem::create_directories(base.parent_path(), ec);
  if (::mkdir(base.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_error("cannot make " + base.string(), errno);
  }
  struct stat info{};
  if (::lstat(base.c_str(), &info) != 0) return system_error("cannot use " + base.string(), errno);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::getuid() || (info.st_mode & 077) != 0) {
    return Error{ExitCode::kSystem, base.string() + " is not a directory that only you can use",
                 "remove it, or set XDG_RUNTIME_DIR to a directory of your own"};
  }
  return {};
}

// Held while a bottle's directory is made or reaped, so that a new one is not taken for a
// left-over.
Fd lock_base(const std::filesystem::path& base) {
  Fd lock(::open((base / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock) ::flock(lock.get(), LOCK_EX);
  return lock;
}

std::size_t reap_locked(const std::filesystem::path& base,
                        const std::function<bool(const std::filesystem::path&)>& may_go) {
  std::size_t removed = 0;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(base, ec)) {
    if (!entry.is_directory(ec) || entry.is_symlink(ec)) continue;
    const Fd lease(::open((entry.path() / kLeaseName).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (lease && ::flock(lease.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (may_go && !may_go(entry.path())) continue;
    std::filesystem::remove_all(entry.path(), ec);
    if (!ec) ++removed;
  }
  return removed;
}

}  // namespace

Expected<RuntimeDir> RuntimeDir::create(const std::filesystem::path& base, const std::string& id) {
  if (auto owned = own_directory_at(base); !owned) return std::move(owned.error());
  const Fd lock = lock_base(base);
  if (!lock) return system_error("cannot lock " + base.string(), errno);
  const auto path = base / id;
  if (::mkdir(path.c_str(), 0700) != 0) return system_error("cannot make " + path.string(), errno);
  Fd lease(::open((path / kLeaseName).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  // Waits for an instant at most: a `bottle list` may be looking at it.
  if (!lease || ::flock(lease.get(), LOCK_EX) != 0) {
    const int problem = errno;
    std::error_code ec;
    std::filesystem::remove_all(path, ec);
    return system_error("cannot lease " + path.string(), problem);
  }
  return RuntimeDir(path, std::move(lease));
}

RuntimeDir::~RuntimeDir() {
  if (!lease_) return;  // moved from
  std::error_code ec;
  std::filesystem::remove_all(path_, ec);
}

Expected<void> RuntimeDir::write(const std::string& name, std::string_view content) const {
  const auto file = path_ / name;
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd || !write_all(fd.get(), content)) {
    return system_error("cannot write " + file.string(), errno, "is the disk full?");
  }
  return {};
}

Expected<void> RuntimeDir::replace(const std::string& name, std::string_view content) const {
  const std::string fresh = name + ".new";
  if (auto written = write(fresh, content); !written) return written;
  if (::rename((path_ / fresh).c_str(), (path_ / name).c_str()) != 0) {
    return system_error("cannot write " + (path_ / name).string(), errno);
  }
  return {};
}

std::size_t reap_left_overs(
    const std::filesystem::path& base,
    const std::function<bool(const std::filesystem::path& directory)>& may_go) {
  struct stat info{};
  if (::lstat(base.c_str(), &info) != 0) return 0;  // nothing was ever made
  if (auto owned = own_directory_at(base); !owned) return 0;
  const Fd lock = lock_base(base);
  return lock ? reap_locked(base, may_go) : 0;
}

bool is_leased(const std::filesystem::path& directory) {
  const Fd lease(::open((directory / kLeaseName).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return lease && ::flock(lease.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Expected<std::filesystem::path> make_state_dir(const std::filesystem::path& base,
                                               const std::string& id,
                                               const std::filesystem::path& runtime_base) {
  const std::string hint = "set XDG_STATE_HOME to a directory that you can write to";
  std::error_code ec;
  std::filesystem::create_directories(base, ec);
  if (ec) {
    return Error{ExitCode::kSystem, "cannot make " + base.string() + ": " + ec.message(), hint};
  }
  std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> kept;
  for (const auto& entry : std::filesystem::directory_iterator(base, ec)) {
    if (entry.is_directory(ec) && !entry.is_symlink(ec) && entry.path().filename() != kHomesName) {
      kept.emplace_back(entry.last_write_time(ec), entry.path());
    }
  }
  std::sort(kept.begin(), kept.end());
  for (std::size_t i = 0; i + kKeptStates <= kept.size(); ++i) {
    if (is_leased(runtime_base / kept[i].second.filename())) continue;
    std::filesystem::remove_all(kept[i].second, ec);
  }
  const auto path = base / id;
  if (::mkdir(path.c_str(), 0700) != 0) {
    return system_error("cannot make " + path.string(), errno, hint);
  }
  return path;
}

}  // namespace bottle::launcher
