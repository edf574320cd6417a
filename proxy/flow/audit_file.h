#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "certs/digest.h"
#include "proxy/base/result.h"
#include "proxy/contract/audit_chain.h"
#include "proxy/contract/audit_schema.h"
#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"
#include "proxy/flow/audit_copy.h"

namespace bottle {

// SHA-256 for the chain of the audit log, of `front` and `back` as one text.
[[nodiscard]] Digest audit_sha256(std::string_view front, std::string_view back);

// One part of the audit log in a regular file. Lines are written by one write(2) on an O_APPEND
// descriptor, and then have left the process. A write into the system's page cache does not wait
// for the disk. A file that has reached its bound becomes `path`.1, that becomes `path`.2, …, and
// the oldest of kAuditFiles goes. One thread at a time, except where it says otherwise.
//
// Each line is bound to the one before it (audit_chain.h), over rotations and over processes: the
// file's last line is read when it is opened. Two writers would make two chains, so the file is
// locked while it is open.
class AuditFile {
 public:
  // Opens (creates with mode 0600) `path`. The Error (kFiles) says why not, also if another process
  // has it and keeps it for kAuditLockWait. `copy`, if any, is given each line that is written.
  [[nodiscard]] static Expected<std::unique_ptr<AuditFile>> open(const std::string& path,
                                                                 AuditPart part,
                                                                 std::uint64_t most_bytes,
                                                                 AuditCopy* copy = nullptr);
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  // `line`: without its chain, ends in '\n'. The lines that wait go in front of it. False: it could
  // not be written. The next line first ends one that was torn.
  [[nodiscard]] bool put(std::string_view line) noexcept { return write_with(line); }
  // The line waits for the next put() or flush(), whose write takes it along; unless so much waits
  // that all is written now. False: it is lost.
  [[nodiscard]] bool put_later(std::string_view line) noexcept;
  [[nodiscard]] bool flush() noexcept { return waiting_.empty() || write_with({}); }
  [[nodiscard]] bool waits() const noexcept { return !waiting_.empty(); }
  // Lines that waited and could not be written, since the last call.
  [[nodiscard]] std::uint64_t take_lost() noexcept { return std::exchange(lost_, 0); }
  // After a failure: tries whether the file can be written again.
  [[nodiscard]] bool probe() noexcept;
  [[nodiscard]] const ChainLink& chain() const noexcept { return chain_; }

  // Descriptors of the file, and of those rotated away since the last call, that have lines which
  // the disk may lack. Duplicates, which another thread may use.
  [[nodiscard]] std::vector<Fd> take_unsynced();

 private:
  AuditFile(Fd fd, std::string path, AuditPart part, std::uint64_t most_bytes, AuditCopy* copy)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        part_(part),
        most_bytes_(most_bytes),
        copy_(copy) {}
  // Of the lines that are being written: where one ends in `lines`, and chained in `out_`.
  struct LineEnd {
    std::size_t in_lines;
    std::size_t in_out;
    ChainLink link;
  };
  void read_chain();
  bool write_with(std::string_view line) noexcept;
  // Writes lines, and takes off the front of `lines` those that the file has. False: a write
  // failed.
  bool put_chained(std::string_view& lines);
  [[nodiscard]] std::size_t chain_what_fits(std::string_view lines);
  bool end_torn_line();
  bool rotate();
  bool write_all(std::string_view& bytes) noexcept;

  Fd fd_;
  const std::string path_;
  const AuditPart part_;
  const std::uint64_t most_bytes_;
  AuditCopy* const copy_;
  std::uint64_t size_ = 0;
  ChainLink chain_;
  std::string waiting_;  // whole lines
  std::uint64_t lost_ = 0;
  std::string out_;  // of use within one write only, as these
  std::vector<LineEnd> ends_;
  std::uint64_t unfinished_ = 0;  // bytes of torn lines that no line tells of yet
  bool torn_ = false;             // the file does not end in a line end
  bool failed_ = false;           // the last line could not be written
  bool unsynced_ = false;
  bool new_name_ = false;
  std::vector<Fd> rotated_;  // at most kAuditFiles
};

// More does not wait.
inline constexpr std::size_t kMostAuditWaiting = 32 * 1024;

// A proxy that is killed lets go of its files a moment later than it is seen to be gone.
inline constexpr std::chrono::milliseconds kAuditLockWait{2000};

}  // namespace bottle
