#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "proxy/contract/fd.h"

namespace bottle {

// fdatasync(2), or a test's.
using SyncFunction = int (*)(int fd);
[[nodiscard]] int sync_to_disk(int fd);  // -1 and errno; a directory is synced with fsync(2)

// Brings the lines of the audit log from the system's page cache to the disk, kAuditSyncEvery after
// the first one that is not there. A thread of its own: a disk may take seconds, and nothing else
// waits for it.
class AuditSync {
 public:
  using Take = std::function<std::vector<Fd>()>;
  // False: the disk did not take them, and the system does not say which it lacks.
  using Told = std::function<void(bool done)>;
  // Both functions are called by the thread, without a lock held here. Throws std::system_error: no
  // thread.
  AuditSync(Take take, Told told, SyncFunction sync);
  ~AuditSync() { stop(); }
  AuditSync(const AuditSync&) = delete;
  AuditSync& operator=(const AuditSync&) = delete;

  void lines_came() noexcept;
  // Syncs once more, and ends. Idempotent.
  void stop() noexcept;

 private:
  void run();
  void sync_all();

  const Take take_;
  const Told told_;
  const SyncFunction sync_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> dirty_{false};
  bool stopping_ = false;
  std::thread thread_;
};

// A crash of the machine can lose so much of the log, and what came while the disk was busy.
inline constexpr std::chrono::milliseconds kAuditSyncEvery{1000};

}  // namespace bottle
