#include "proxy/flow/audit_sync.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "proxy/flow/quiet_thread.h"

namespace bottle {
namespace {

// A file system that has no such thing (a tmpfs needs none) is no failing disk.
bool cannot_sync(int error) { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP; }

}  // namespace

int sync_to_disk(int fd) {
  struct stat status{};
  // A new name is no data of the directory.
  const bool directory = ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  return directory ? ::fsync(fd) : ::fdatasync(fd);
}

AuditSync::AuditSync(Take take, Told told, SyncFunction sync)
    : take_(std::move(take)), told_(std::move(told)), sync_(sync) {
  thread_ = quiet_thread([this] { run(); });
}

void AuditSync::lines_came() noexcept {
  if (dirty_.exchange(true)) return;
  const std::lock_guard lock(mutex_);
  changed_.notify_one();
}

void AuditSync::stop() noexcept {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

void AuditSync::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || dirty_.load(); });
    changed_.wait_for(lock, kAuditSyncEvery, [this] { return stopping_; });
    const bool last = stopping_;
    // A line that comes from here on is synced now or the next time.
    dirty_.store(false);
    lock.unlock();
    sync_all();
    lock.lock();
    if (last) return;
  }
}

void AuditSync::sync_all() {
  bool done = true;
  try {
    for (const Fd& fd : take_()) {
      int result = sync_(fd.get());
      while (result != 0 && errno == EINTR) result = sync_(fd.get());
      if (result != 0 && !cannot_sync(errno)) done = false;
    }
  } catch (...) {  // out of memory
    done = false;
  }
  told_(done);
}

}  // namespace bottle
