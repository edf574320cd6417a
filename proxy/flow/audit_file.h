#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/contract/audit_schema.h"
#include "proxy/contract/error.h"

namespace bottle {

// One part of the audit log in a regular file. A line is one write(2) on an O_APPEND descriptor, so
// what was put has left the process and is in order with the lines of other processes. A write into
// the system's page cache does not wait for the disk. A file that has reached its bound becomes
// `path`.1, that becomes `path`.2, …, and the oldest of kAuditFiles goes. One thread at a time.
class AuditFile {
 public:
  // Opens (creates with mode 0600) `path`. The Error (kFiles) says why not.
  [[nodiscard]] static Expected<std::unique_ptr<AuditFile>> open(const std::string& path,
                                                                 std::uint64_t most_bytes);
  ~AuditFile();
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  // False: it could not be written. The next line first ends one that was torn.
  [[nodiscard]] bool put(std::string_view line) noexcept;
  // After a failure: tries whether the file can be written again.
  [[nodiscard]] bool probe() noexcept;

 private:
  AuditFile(int fd, std::string path, std::uint64_t most_bytes)
      : fd_(fd), path_(std::move(path)), most_bytes_(most_bytes) {}
  bool put_line(std::string_view line) noexcept;
  bool rotate() noexcept;
  bool write_all(std::string_view bytes) noexcept;

  const int fd_;
  const std::string path_;
  const std::uint64_t most_bytes_;
  std::uint64_t size_ = 0;
  bool torn_ = false;    // the last line is incomplete
  bool failed_ = false;  // the last line could not be written
};

}  // namespace bottle
