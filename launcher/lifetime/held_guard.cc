#include "launcher/lifetime/held_guard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/lifetime/changed_files.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {

namespace fs = std::filesystem;

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

}  // namespace bottle::launcher
