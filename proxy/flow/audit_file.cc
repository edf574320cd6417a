#include "proxy/flow/audit_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

namespace bottle {

Expected<std::unique_ptr<AuditFile>> AuditFile::open(const std::string& path,
                                                     std::uint64_t most_bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
  if (fd < 0) {
    const int error = errno;
    return Error{ExitCode::kFiles,
                 "audit file \"" + path + "\" cannot be opened: " + std::strerror(error) +
                     "; give a file in a directory that exists and may be written",
                 ""};
  }
  std::unique_ptr<AuditFile> file(new AuditFile(fd, path, most_bytes));
  struct stat status{};
  if (::fstat(fd, &status) == 0) file->size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

AuditFile::~AuditFile() { ::close(fd_); }

bool AuditFile::put(std::string_view line) noexcept {
  failed_ = !put_line(line);
  return !failed_;
}

bool AuditFile::put_line(std::string_view line) noexcept {
  if (size_ + line.size() > most_bytes_ && size_ > 0 && !rotate()) return false;
  // A line torn by a full disk is ended first, so that it spoils only itself.
  if (torn_ && !write_all("\n")) return false;
  torn_ = false;
  return write_all(line);
}

// The descriptor's number stays; what it names becomes a new file.
bool AuditFile::rotate() noexcept {
  try {
    for (int i = kAuditFiles - 1; i >= 1; --i) {
      const std::string from = i == 1 ? path_ : older_audit_file(path_, i - 1);
      const std::string to = older_audit_file(path_, i);
      if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return false;
    }
  } catch (const std::bad_alloc&) {
    return false;
  }
  const int fd = ::open(path_.c_str(),
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool moved = ::dup3(fd, fd_, O_CLOEXEC) >= 0;
  ::close(fd);
  if (!moved) return false;
  size_ = 0;
  torn_ = false;
  return true;
}

// Leaves torn_ set if some of `bytes` got into the file and some did not.
bool AuditFile::write_all(std::string_view bytes) noexcept {
  bool started = false;
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      torn_ = torn_ || started;
      return false;
    }
    started = true;
    size_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool AuditFile::probe() noexcept {
  if (!failed_) return true;
  // An empty line: readers of JSON lines skip it, and it ends a torn one.
  if (!write_all("\n")) return false;
  torn_ = false;
  failed_ = false;
  return true;
}

}  // namespace bottle
