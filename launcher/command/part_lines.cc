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

PartLines::PartLines(fs::path file, std::uint64_t most) : file_(std::move(file)) {
  std::error_code ec;
  for (int n = kMostAuditFiles - 1; n > 0; --n) {
    const fs::path older = older_audit_file(file_, n);
    if (fs::exists(older, ec)) older_.push_back(older);
  }
  skip_all_but(most);
  go_on();
}

void PartLines::skip_all_but(std::uint64_t most) {
  std::error_code ec;
  std::uint64_t room = most;
  std::vector<fs::path> files = older_;
  files.push_back(file_);
  for (std::size_t i = files.size(); i-- > 0;) {
    const auto size = fs::file_size(files[i], ec);
    if (ec) continue;
    if (size < room) {
      room -= size;
      continue;
    }
    skip_ = size - room;
    older_.erase(older_.begin(), older_.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
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
  if (!fd_) return false;
  // The line that the skipped bytes end in is no whole one, so it is left out.
  cut_off_ = skip_ > 0 && ::lseek(fd_.get(), static_cast<off_t>(skip_ - 1), SEEK_SET) >= 0;
  skip_ = 0;
  return true;
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
  if (cut_off_) {
    cut_off_ = !ready_;
    at_ += size + (ready_ ? 1 : 0);
    ready_ = false;
    return;
  }
  line_.append(chunk_, at_, std::min(size, kMaxLine - std::min(kMaxLine, line_.size())));
  at_ += size + (ready_ ? 1 : 0);
}

}  // namespace bottle::launcher
