#include "launcher/command/part_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/contract/audit_schema.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLine = 256 * 1024;  // longer ones are cut; no audit line is
constexpr std::size_t kChunk = 64 * 1024;

}  // namespace

PartLines::PartLines(fs::path file) : file_(std::move(file)) {
  std::error_code ec;
  for (int n = kMostAuditFiles - 1; n > 0; --n) {
    const fs::path older = older_audit_file(file_, n);
    if (fs::exists(older, ec)) older_.push_back(older);
  }
  go_on();
}

const std::string* PartLines::peek() {
  while (!ready_ && fd_) {
    if (at_ < chunk_.size()) {
      cut_line();
    } else if (!fill()) {
      if (current_ && !replaced_) break;
      ready_ = !line_.empty();
      if (!go_on()) break;
    }
  }
  return ready_ ? &line_ : nullptr;
}

void PartLines::take() {
  ready_ = false;
  line_.clear();
}

void PartLines::finish() { ready_ = ready_ || !line_.empty(); }

bool PartLines::renew() {
  struct stat mine{};
  struct stat other{};
  if (replaced_ || ::stat(file_.c_str(), &other) != 0) return false;
  if (!fd_) return open_current();
  if (!current_) return false;
  replaced_ = ::fstat(fd_.get(), &mine) == 0 &&
              (mine.st_ino != other.st_ino || mine.st_dev != other.st_dev);
  return replaced_;
}

bool PartLines::open(const fs::path& file) {
  fd_ = Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return static_cast<bool>(fd_);
}

bool PartLines::go_on() {
  while (!older_.empty()) {
    const fs::path next = older_.front();
    older_.erase(older_.begin());
    if (open(next)) return true;
  }
  return open_current();
}

bool PartLines::open_current() {
  replaced_ = false;
  current_ = open(file_);
  return current_;
}

bool PartLines::fill() {
  chunk_.resize(kChunk);
  at_ = 0;
  ssize_t got = 0;
  do {
    got = ::read(fd_.get(), chunk_.data(), chunk_.size());
  } while (got < 0 && errno == EINTR);
  chunk_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return got > 0;
}

void PartLines::cut_line() {
  const auto end = chunk_.find('\n', at_);
  ready_ = end != std::string::npos;
  const std::size_t size = (ready_ ? end : chunk_.size()) - at_;
  line_.append(chunk_, at_, std::min(size, kMaxLine - std::min(kMaxLine, line_.size())));
  at_ += size + (ready_ ? 1 : 0);
}

}  // namespace bottle::launcher
