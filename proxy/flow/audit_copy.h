#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "proxy/contract/audit_schema.h"
#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"

namespace bottle {

// A copy of each line of the audit log, as a datagram to a Unix socket. The log is the authority: a
// copy never holds a request up, and one that cannot be delivered is counted and told.
class AuditCopy {
 public:
  // "syslog", "journald" or "unix:PATH"; anything else is an Error of kUsage. The socket must be
  // there at the start (else kFiles); later it may go and come.
  [[nodiscard]] static Expected<std::unique_ptr<AuditCopy>> open(const std::string& word);
  // Whether open() knows the word.
  [[nodiscard]] static bool is_word(std::string_view word);
  ~AuditCopy() { stop(); }
  AuditCopy(const AuditCopy&) = delete;
  AuditCopy& operator=(const AuditCopy&) = delete;

  // `lost`: is called by a thread of this object with the number of lines that were not delivered
  // since its last call. Throws std::system_error: no thread.
  using Lost = std::function<void(std::uint64_t)>;
  void start(Lost lost);
  // `line` ends in '\n'. Never waits. Lines before start() wait for it. After stop() a line is
  // tried once: the one that ends the log.
  void put(std::string_view line, AuditPart part) noexcept;
  // Waits kAuditCopyLastWords at most for what is queued, and ends. Idempotent.
  void stop() noexcept;

  enum class Kind : std::uint8_t { Syslog, Journald, Plain };
  // A line of the log as its receiver wants it.
  [[nodiscard]] static std::string datagram(Kind kind, std::string_view line, AuditPart part);

 private:
  struct Line {
    std::string text;
    AuditPart part;
  };
  AuditCopy(Kind kind, std::string path) : kind_(kind), path_(std::move(path)) {}
  bool connect();
  void send_last(const Line& line) const;
  void run();
  bool deliver(const Line& line) noexcept;
  void pause();
  void tell_lost();

  const Kind kind_;
  const std::string path_;
  Lost lost_function_;
  Fd socket_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<Line> queue_;
  std::size_t queued_ = 0;  // bytes
  std::uint64_t lost_ = 0;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point last_{};  // no delivery is tried after it
  std::chrono::steady_clock::time_point told_{};
  std::thread thread_;
};

// Lines that wait for a reader that is behind.
inline constexpr std::size_t kAuditCopyQueue = 1024 * 1024;
// Between two tries when it does not take them, or is not there.
inline constexpr std::chrono::milliseconds kAuditCopyPause{200};
// Lines that were not delivered are told once in this time at most.
inline constexpr std::chrono::milliseconds kAuditCopyTold{10'000};
// At the end of the process.
inline constexpr std::chrono::milliseconds kAuditCopyLastWords{500};

}  // namespace bottle
