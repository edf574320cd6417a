#include "proxy/flow/audit_stream.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace bottle {
namespace {

void set_non_blocking(int fd, int& before) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_NONBLOCK) != 0) return;
  if (::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) before = flags;
}

}  // namespace

std::unique_ptr<AuditStream> AuditStream::to_stderr() {
  struct stat status{};
  const bool known = ::fstat(STDERR_FILENO, &status) == 0;
  const Kind kind = known && S_ISSOCK(status.st_mode) ? Kind::Socket : Kind::Other;
  // Sockets are written to with a flag of the call. A regular file's place is in its description.
  if (kind == Kind::Socket || (known && S_ISREG(status.st_mode))) {
    return std::unique_ptr<AuditStream>(new AuditStream(STDERR_FILENO, false, kind));
  }
  // O_NONBLOCK belongs to the open file description, which other processes may have too. So this
  // one is opened anew.
  const int own =
      ::open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (own >= 0) return std::unique_ptr<AuditStream>(new AuditStream(own, true, kind));
  // It belongs to another user.
  std::unique_ptr<AuditStream> stream(new AuditStream(STDERR_FILENO, false, kind));
  set_non_blocking(STDERR_FILENO, stream->flags_before_);
  return stream;
}

std::unique_ptr<AuditStream> AuditStream::of(int fd) {
  struct stat status{};
  const bool socket = ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
  std::unique_ptr<AuditStream> stream(
      new AuditStream(fd, true, socket ? Kind::Socket : Kind::Other));
  int before = -1;
  set_non_blocking(fd, before);
  return stream;
}

AuditStream::~AuditStream() {
  if (flags_before_ >= 0) ::fcntl(fd_, F_SETFL, flags_before_);
  if (owned_) ::close(fd_);
}

ssize_t AuditStream::write_some(std::string_view bytes) const noexcept {
  if (kind_ == Kind::Socket) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  return ::write(fd_, bytes.data(), bytes.size());
}

std::size_t AuditStream::write_now(std::string_view bytes) noexcept {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write_some(bytes.substr(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      broken_ = n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  if (done > 0) torn_ = bytes[done - 1] != '\n';
  return done;
}

bool AuditStream::put(std::string_view line) noexcept {
  broken_ = false;
  try {
    // A line that was cut by an error is ended first.
    if (torn_ && queue_.empty() && write_now("\n") == 0) queue_ = "\n";
    if (broken_) {
      queue_.clear();
      return false;
    }
    if (queue_.size() + line.size() > kAuditQueue) return false;
    const std::size_t done = queue_.empty() ? write_now(line) : 0;
    if (broken_) return false;
    queue_.append(line.substr(done));
    return true;
  } catch (const std::bad_alloc&) {
    broken_ = torn_;
    return false;
  }
}

std::uint64_t AuditStream::pump() noexcept {
  if (queue_.empty()) return 0;
  queue_.erase(0, write_now(queue_));
  return broken_ ? give_up() : 0;
}

std::uint64_t AuditStream::give_up() noexcept {
  const auto lost = std::count(queue_.begin(), queue_.end(), '\n');
  queue_.clear();
  return static_cast<std::uint64_t>(lost);
}

bool AuditStream::has_room() const noexcept { return !broken_ && queue_.size() < kAuditQueue / 2; }

bool AuditStream::probe() noexcept {
  // An empty line: readers of JSON lines skip it, and it ends a torn one. A reader that is slow is
  // none that is gone.
  if (broken_) {
    broken_ = false;
    write_now("\n");
  }
  return has_room();
}

}  // namespace bottle
