#include "proxy/flow/audit_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <thread>
#include <utility>

#include "proxy/flow/audit.h"

namespace bottle {
namespace {

constexpr int kOpenFlags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
constexpr std::chrono::milliseconds kLockPause{10};

Error not_opened(const std::string& path, const std::string& why) {
  return Error{ExitCode::kFiles, "audit file \"" + path + "\" cannot be opened: " + why, ""};
}

bool is_still_at(const Fd& fd, const std::string& path) {
  struct stat mine{};
  struct stat there{};
  return ::fstat(fd.get(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 &&
         mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

// A file system without locks has none for any writer.
bool has_no_locks(int error) { return error == ENOLCK || error == EOPNOTSUPP; }

// The last bytes of a file, at most kChainTail.
std::string tail_of(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || status.st_size <= 0) return {};
  const auto size = static_cast<std::size_t>(status.st_size);
  std::string out(std::min(size, kChainTail), '\0');
  const auto from = static_cast<off_t>(size - out.size());
  std::size_t got = 0;
  while (got < out.size()) {
    const ssize_t n =
        ::pread(fd, out.data() + got, out.size() - got, from + static_cast<off_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  out.resize(got);
  return out;
}

}  // namespace

Digest audit_sha256(std::string_view front, std::string_view back) { return sha256(front, back); }

Expected<std::unique_ptr<AuditFile>> AuditFile::open(const std::string& path, AuditPart part,
                                                     std::uint64_t most_bytes, AuditCopy* copy) {
  const auto until = std::chrono::steady_clock::now() + kAuditLockWait;
  for (;;) {
    Fd fd(::open(path.c_str(), kOpenFlags, 0600));
    if (!fd) {
      return not_opened(path, std::string(std::strerror(errno)) +
                                  "; give a file in a directory that exists and may be written");
    }
    const bool locked = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
    const int error = errno;
    if (!locked && error != EWOULDBLOCK && error != EINTR && !has_no_locks(error)) {
      return not_opened(path, std::strerror(error));
    }
    const bool mine = locked || has_no_locks(error);
    // Another process may have rotated it before it let go.
    if (mine && is_still_at(fd, path)) {
      std::unique_ptr<AuditFile> file(new AuditFile(std::move(fd), path, part, most_bytes, copy));
      file->read_chain();
      return file;
    }
    if (std::chrono::steady_clock::now() >= until) {
      return not_opened(path, "another process writes to it; each proxy needs a file of its own");
    }
    std::this_thread::sleep_for(kLockPause);
  }
}

void AuditFile::read_chain() {
  struct stat status{};
  if (::fstat(fd_.get(), &status) == 0) size_ = static_cast<std::uint64_t>(status.st_size);
  ChainTail tail = chain_tail(tail_of(fd_.get()));
  torn_ = tail.open;
  if (tail.found) {
    chain_ = tail.link;
    unfinished_ = tail.unfinished;
  } else if (size_ == 0) {
    // A process that was killed within a rotation left no file, or one without lines.
    new_name_ = true;
    const Fd older(::open(older_audit_file(path_, 1).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (older) chain_ = chain_tail(tail_of(older.get())).link;
  }
  // Otherwise its lines are from a version without chains. A torn line of a killed process is told
  // now; if the disk is full, with the next line.
  failed_ = !end_torn_line();
}

bool AuditFile::put_later(std::string_view line) noexcept {
  if (waiting_.size() + line.size() > kMostAuditWaiting) return put(line);
  try {
    waiting_.append(line);
    return true;
  } catch (const std::bad_alloc&) {
    return put(line);
  }
}

// Writes what waits, and behind it `line`, which may be empty. False: `line`, or if it is empty a
// part of what waited, is not in the file.
bool AuditFile::write_with(std::string_view line) noexcept {
  constexpr int kTries = 4;
  bool added = false;
  failed_ = true;
  for (int i = 0; i < kTries; ++i) {
    try {
      if (!added) waiting_.append(line);
      added = true;
      std::string_view lines = waiting_;
      bool well = end_torn_line();
      while (well && !lines.empty()) {
        well = put_chained(lines);
        waiting_.erase(0, waiting_.size() - lines.size());
        lines = waiting_;
      }
      failed_ = !well;
      break;
    } catch (...) {
      // Out of memory, or libcrypto is: without its chain it is no line. Nothing of what is in
      // `waiting_` is written yet.
    }
  }
  if (!failed_) return true;
  const auto left = std::count(waiting_.begin(), waiting_.end(), '\n');
  const bool own = added && !line.empty();
  lost_ += static_cast<std::uint64_t>(left) - (own ? 1 : 0);
  waiting_.clear();
  return false;
}

// A line torn by a full disk or a kill is ended first, so that it spoils only itself.
bool AuditFile::end_torn_line() {
  std::string_view end = "\n";
  if (torn_ && !write_all(end)) return false;
  torn_ = false;
  if (unfinished_ == 0) return true;
  const std::uint64_t told = unfinished_;
  const std::string text = audit_torn_line(std::chrono::system_clock::now(), part_, told);
  std::string_view torn = text;
  if (!put_chained(torn)) return false;
  unfinished_ -= told;
  return true;
}

bool AuditFile::put_chained(std::string_view& lines) {
  std::size_t fit = chain_what_fits(lines);
  if (fit == 0) {
    if (!rotate()) return false;
    fit = chain_what_fits(lines);
  }
  std::string_view rest = out_;
  const bool done = write_all(rest);
  const std::size_t written = out_.size() - rest.size();
  unsynced_ = unsynced_ || written > 0;
  torn_ = written > 0 && out_[written - 1] != '\n';
  std::size_t begin = 0;
  std::size_t taken = 0;
  for (const LineEnd& end : ends_) {
    // All but its end is there: it is a line for every reader.
    if (written + 1 < end.in_out) break;
    chain_ = end.link;
    taken = end.in_lines;
    if (copy_ != nullptr) {
      copy_->put(std::string_view(out_).substr(begin, end.in_out - begin), part_);
    }
    begin = end.in_out;
  }
  if (written > begin) unfinished_ += written - begin;
  lines.remove_prefix(taken);
  return done || lines.empty();
}

// The first of `lines` that the file has room for, with their chain, to `out_`. How many bytes of
// `lines` they are; an empty file has room for one at least.
std::size_t AuditFile::chain_what_fits(std::string_view lines) {
  out_.clear();
  ends_.clear();
  std::size_t taken = 0;
  while (taken < lines.size()) {
    const ChainLink& before = ends_.empty() ? chain_ : ends_.back().link;
    const std::size_t end = std::min(lines.find('\n', taken), lines.size() - 1) + 1;
    const std::uint64_t in_file = size_ + out_.size();
    // Lines of an older version may stand before the first one of all.
    const bool first = in_file == 0 || before.line == 0;
    ChainedLine chained =
        chain_line(lines.substr(taken, end - taken), before, first, &audit_sha256);
    if (in_file + chained.text.size() > most_bytes_ && in_file > 0) break;
    taken = end;
    out_.append(chained.text);
    ends_.push_back({taken, out_.size(), chained.link});
  }
  return taken;
}

bool AuditFile::rotate() {
  // It is locked before it has its name, so no other process can take it.
  const std::string fresh = path_ + ".new";
  Fd fd(::open(fresh.c_str(), kOpenFlags | O_TRUNC | O_NOFOLLOW, 0600));
  if (!fd) return false;
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && !has_no_locks(errno)) return false;
  for (int i = kAuditFiles - 1; i >= 1; --i) {
    const std::string from = i == 1 ? path_ : older_audit_file(path_, i - 1);
    const std::string to = older_audit_file(path_, i);
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return false;
  }
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return false;
  if (unsynced_) {
    // Older ones than these are removed already.
    if (rotated_.size() >= static_cast<std::size_t>(kAuditFiles)) rotated_.erase(rotated_.begin());
    rotated_.push_back(std::move(fd_));
  }
  fd_ = std::move(fd);
  size_ = 0;
  torn_ = false;
  unsynced_ = true;
  new_name_ = true;
  return true;
}

std::vector<Fd> AuditFile::take_unsynced() {
  std::vector<Fd> out = std::exchange(rotated_, {});
  if (std::exchange(unsynced_, false)) {
    out.emplace_back(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!out.back()) out.pop_back();
  }
  if (std::exchange(new_name_, false)) {
    const std::string directory = std::filesystem::path(path_).parent_path().string();
    Fd names(
        ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (names) out.push_back(std::move(names));
  }
  return out;
}

// Takes off `bytes` what got into the file. False: some did not.
bool AuditFile::write_all(std::string_view& bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    size_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool AuditFile::probe() noexcept {
  if (!failed_) return true;
  // An empty line: readers of JSON lines skip it, and it ends a torn one.
  std::string_view end = "\n";
  if (!write_all(end)) return false;
  torn_ = false;
  failed_ = false;
  return true;
}

}  // namespace bottle
