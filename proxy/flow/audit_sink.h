#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/contract/error.h"
#include "proxy/flow/audit.h"
#include "proxy/flow/audit_copy.h"
#include "proxy/flow/audit_file.h"
#include "proxy/flow/audit_fold.h"
#include "proxy/flow/audit_stream.h"
#include "proxy/flow/audit_sync.h"

namespace bottle {

// No request goes without an audit line.
[[nodiscard]] Failure audit_unwritable();

// The audit log: three files, one a part (audit_files()), or one stream. Thread-safe. Never waits
// for a reader. A line for a file or a stream has left the process when a call returns, except
// after write_soon(); lines that a stream does not take wait in a bounded queue. Refusals and
// findings are folded (AuditFold). A thread of its own writes what becomes due later. A proxy whose
// audit cannot be written must refuse new requests: ask healthy().
class AuditSink {
 public:
  // Opens (creates with mode 0600) `path` and its companions; "-" is standard error. Something that
  // exists and is no regular file is a stream. Empty: nothing is written and healthy() stays true.
  // `copy`, if any, gets each line too, once it is written. The Error (kFiles) says why not.
  [[nodiscard]] static Expected<std::unique_ptr<AuditSink>> open(
      const std::string& path, std::uint64_t most_bytes = kMaxAuditFile,
      SyncFunction sync = &sync_to_disk, std::unique_ptr<AuditCopy> copy = nullptr);
  ~AuditSink();
  AuditSink(const AuditSink&) = delete;
  AuditSink& operator=(const AuditSink&) = delete;

  // On each thread that writes, at its begin: what the thread keeps for the next line is registered
  // with the C library now, which would end the process if there were no memory for it later.
  static void warm_up();

  // Never throws. A record whose line cannot be written is counted and lost; the log tells how many
  // were as soon as it can be written again.
  void write(const AuditRecord& record) noexcept;
  // As write(); but a line for the file of the exchanges may wait for the next write to that, which
  // takes it along: a crash of the process loses what waits. True: it waits, and the caller sees to
  // it that flush() is called soon.
  [[nodiscard]] bool write_soon(const AuditRecord& record) noexcept;
  void flush() noexcept;
  // A record could not even be made: it is counted as one whose line cannot be written.
  void miss_line() noexcept;
  // As write(), for the line before the first byte of an exchange leaves. False: it is not in the
  // log, and nothing may be sent.
  [[nodiscard]] bool begin(const AuditRecord& record) noexcept;
  // False from a failed write until one succeeds, and while a stream's reader is far behind. While
  // it is false, probe() may be called to try.
  [[nodiscard]] bool healthy() const noexcept;
  bool probe() noexcept;
  // The end: tells what is counted, writes the line that ends the log, brings it to the disk, and
  // waits at most kAuditLastWords for a stream's reader. False: the log is not complete.
  // Idempotent; the destructor does it too.
  bool close() noexcept;
  [[nodiscard]] std::uint64_t written() const noexcept;
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  AuditSink();
  [[nodiscard]] bool off() const noexcept { return !stream_ && !files_[0]; }
  void start(SyncFunction sync);
  void run();
  void wake() noexcept;
  // These with mutex_ held.
  enum class When : std::uint8_t { Now, Soon };
  void write_now_or(When when, const AuditRecord& record) noexcept;
  bool put(const AuditRecord& record, AuditPart part, When when = When::Now);
  bool append(const std::string& line, AuditPart part, When when = When::Now);
  [[nodiscard]] AuditFile* exchanges() const noexcept;  // null: a stream, or nothing
  void flush_file() noexcept;
  void note_waiting_lost() noexcept;
  void put_end() noexcept;
  bool put_due() noexcept;
  void note_uncopied(std::uint64_t lines) noexcept;
  void put_counted(bool all);
  void fold_or_put(const AuditRecord& record, AuditPart part, When when);
  void note_lost(std::uint64_t lines) noexcept;
  void tell_lost();
  void pump() noexcept;
  // For sync_, without it.
  std::vector<Fd> take_unsynced();
  void note_synced(bool done);

  std::mutex mutex_;
  std::array<std::unique_ptr<AuditFile>, kAuditParts> files_;
  std::unique_ptr<AuditStream> stream_;
  std::array<ChainLink, kAuditParts> stream_chains_;
  AuditFold refusals_;
  AuditFold findings_;
  std::uint64_t untold_ = 0;  // lost, and not yet told in the log
  std::uint64_t taken_ = 0;   // lines that were there when the last sync began
  std::uint64_t synced_ = 0;  // lines of which the disk was asked, and answered
  bool stopping_ = false;
  bool ended_ = false;     // the last line is written
  bool no_timer_ = false;  // the thread sleeps until it is woken
  bool no_watch_ = false;  // ... or its time has come, and does not look at the stream
  int wake_ = -1;          // an eventfd
  std::thread thread_;
  std::atomic<bool> healthy_{true};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::unique_ptr<AuditCopy> copy_;
  std::unique_ptr<AuditSync> sync_;  // these two come last: their threads use the others
};

// At the end of the process, for a reader that is behind.
inline constexpr std::chrono::milliseconds kAuditLastWords{500};

}  // namespace bottle
