#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/failure.h"
#include "proxy/base/result.h"

namespace bottle {

// RefusedAtExit: something that came to the exit and was not let out; RefusedName: a name that was
// asked for and not answered.
enum class AuditKind : std::uint8_t { Exchange, RefusedConnection, RefusedAtExit, RefusedName };
// refused: nothing of it went out, by decision; failed: it could not be done; cut: the answer
// began and did not end.
enum class Verdict : std::uint8_t { Allowed, Refused, Failed, Cut };
enum class DecidedBy : std::uint8_t {
  Nobody,
  Policy,
  Guard,
  Pipelock,
  Proxy,
  Exit,
  Origin,
  Client,
};

// One exchange or refused connection. Never holds credentials, bodies or query values: `target` is
// cut down by audit_line, and no header field has a place here.
struct AuditRecord {
  std::chrono::system_clock::time_point time;  // when the request (or connection) began
  std::string id;                              // the exchange's, as in problem documents
  AuditKind kind = AuditKind::Exchange;
  std::string route;              // "scan", "deny"
  std::string client_protocol;    // "h2", "http/1.1"; empty is written as null
  std::string upstream_protocol;  // empty: no upstream was asked
  std::string method;
  std::string host;  // the caller puts "[redacted]" here after a hit in the host's name
  std::uint16_t port = 0;
  std::string target;  // as sent; the line has the path, and the query's keys with "*" for values
  bool target_has_secret = false;  // the scanner hit in it: the line says "[redacted]"
  int status = 0;                  // what the client got; 0: nothing
  std::uint64_t bytes_in = 0;      // body bytes from the client
  std::uint64_t bytes_out = 0;     // body bytes to the client
  std::optional<std::chrono::milliseconds> ttfb;  // to the answer's head
  std::chrono::milliseconds total{0};
  Verdict verdict = Verdict::Allowed;
  std::string reason;  // a machine-readable word; empty if allowed
  std::string detail;  // the Failure's detail
  DecidedBy by = DecidedBy::Nobody;
  bool scanned_request_body = false;
  bool scanned_response_body = false;
  bool request_body_changed = false;  // by the scanner
};

// One JSON object in one line, ending in '\n', valid UTF-8, at most kMaxAuditLine bytes whatever
// the record holds. Fields too long are cut and end in "...".
[[nodiscard]] std::string audit_line(const AuditRecord& record);
inline constexpr std::size_t kMaxAuditLine = 16 * 1024;
inline constexpr std::uint64_t kMaxAuditFile = 64ull << 20;
inline constexpr int kAuditFiles = 4;  // the current one and three older ones

// The path with its query's keys kept and every value replaced by "*". Of a target that is no path
// (a URL) only what follows the host. Also for other logs.
[[nodiscard]] std::string path_without_values(std::string_view target);

// The audit file. Thread-safe: every line is one write(2) on an O_APPEND descriptor, so lines of
// several threads and processes do not mix. Does not buffer: what was written has left the process.
// A proxy whose audit cannot be written must refuse new requests: ask healthy().
class AuditSink {
 public:
  // Opens (creates with mode 0600) `path`; "-" is standard error. Empty: nothing is written and
  // healthy() stays true. Fails with Code::Internal and the reason.
  // A regular file that has reached `most_bytes` becomes `path`.1, that becomes `path`.2, …, and
  // the oldest of kAuditFiles goes: a client that makes lines cannot fill the disk.
  [[nodiscard]] static Result<std::unique_ptr<AuditSink>> open(
      const std::string& path, std::uint64_t most_bytes = kMaxAuditFile);
  ~AuditSink();
  AuditSink(const AuditSink&) = delete;
  AuditSink& operator=(const AuditSink&) = delete;

  // Never throws, never waits for anything but the disk. A record whose write fails is counted and
  // lost; the next one first ends the line that was torn.
  void write(const AuditRecord& record) noexcept;
  // False from a failed write until one succeeds. While it is false, probe() may be called to try.
  [[nodiscard]] bool healthy() const noexcept;
  // Tries whether the file can be written again, by an empty line. Returns healthy().
  bool probe() noexcept;
  [[nodiscard]] std::uint64_t written() const noexcept;
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  AuditSink(int fd, bool owned) : fd_(fd), owned_(owned) {}
  void put(std::string_view line) noexcept;
  bool rotate() noexcept;
  bool write_all(std::string_view bytes) noexcept;

  const int fd_;
  const bool owned_;
  std::string path_;              // of a regular file; empty: it is not rotated
  std::uint64_t most_bytes_ = 0;  // of one file
  std::mutex mutex_;
  std::uint64_t size_ = 0;  // of the current file; guarded by mutex_
  bool torn_ = false;       // the file's last line is incomplete; guarded by mutex_
  std::atomic<bool> healthy_{true};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace bottle
