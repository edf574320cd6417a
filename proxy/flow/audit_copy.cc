#include "proxy/flow/audit_copy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "proxy/flow/quiet_thread.h"

namespace bottle {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kSyslogWord = "syslog";
constexpr std::string_view kJournaldWord = "journald";
constexpr std::string_view kUnixWord = "unix:";
constexpr const char* kSyslogSocket = "/dev/log";
constexpr const char* kJournaldSocket = "/run/systemd/journal/socket";

int priority_of(AuditPart part) {
  switch (part) {
    case AuditPart::Findings:
      return LOG_WARNING;
    case AuditPart::Refusals:
      return LOG_NOTICE;
    case AuditPart::Exchanges:
      break;
  }
  return LOG_INFO;
}

// As syslog(3) writes it: RFC 3164 without a host's name, and the time of this machine.
std::string syslog_head(AuditPart part) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  char time[32] = "";
  if (localtime_r(&now, &local) != nullptr) std::strftime(time, sizeof time, "%h %e %T", &local);
  return "<" + std::to_string(LOG_AUTHPRIV | priority_of(part)) + ">" + time + " bottle[" +
         std::to_string(::getpid()) + "]: ";
}

}  // namespace

bool AuditCopy::is_word(std::string_view word) {
  sockaddr_un address{};
  return word == kSyslogWord || word == kJournaldWord ||
         (word.starts_with(kUnixWord) && word.size() > kUnixWord.size() &&
          word.size() - kUnixWord.size() < sizeof address.sun_path);
}

Expected<std::unique_ptr<AuditCopy>> AuditCopy::open(const std::string& word) {
  if (!is_word(word)) {
    return Error{ExitCode::kUsage, "--audit-copy takes syslog, journald or unix:PATH", ""};
  }
  const Kind kind = word == kSyslogWord     ? Kind::Syslog
                    : word == kJournaldWord ? Kind::Journald
                                            : Kind::Plain;
  std::string path = kind == Kind::Syslog     ? kSyslogSocket
                     : kind == Kind::Journald ? kJournaldSocket
                                              : word.substr(kUnixWord.size());
  std::unique_ptr<AuditCopy> copy(new AuditCopy(kind, std::move(path)));
  if (!copy->connect()) {
    return Error{ExitCode::kFiles,
                 "the audit log cannot be copied to " + copy->path_ + ": " + std::strerror(errno),
                 "something must receive datagrams there when the proxy starts"};
  }
  return copy;
}

// Leaves errno when it fails.
bool AuditCopy::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return false;
  const auto* const place = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd.get(), place, sizeof address) != 0) return false;
  socket_ = std::move(fd);
  return true;
}

void AuditCopy::start(Lost lost) {
  lost_function_ = std::move(lost);
  thread_ = quiet_thread([this] { run(); });
}

void AuditCopy::put(std::string_view line, AuditPart part) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    if (stopping_) {
      send_last({std::string(line), part});
    } else if (queued_ + line.size() > kAuditCopyQueue) {
      // The line that tells of lost ones would be followed by another one about itself.
      if (line.find(R"("kind":"lost_copies")") == line.npos) ++lost_;
    } else {
      queue_.push_back({std::string(line), part});
      queued_ += line.size();
    }
  } catch (...) {  // out of memory
    ++lost_;
  }
  changed_.notify_one();
}

void AuditCopy::stop() noexcept {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    last_ = Clock::now() + kAuditCopyLastWords;
    changed_.notify_one();
  }
  thread_.join();
}

// After the thread's end: the line that ends the log. If it does not arrive, that says the same.
void AuditCopy::send_last(const Line& line) const {
  const std::string bytes = datagram(kind_, line.text, line.part);
  if (!socket_) return;
  const ssize_t sent =
      ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  static_cast<void>(sent);
}

std::string AuditCopy::datagram(Kind kind, std::string_view line, AuditPart part) {
  const std::string_view text = line.substr(0, line.find('\n'));
  switch (kind) {
    case Kind::Syslog:
      return syslog_head(part).append(text);
    case Kind::Journald:
      // The native protocol; no value has a line end.
      return "PRIORITY=" + std::to_string(priority_of(part)) +
             "\nSYSLOG_IDENTIFIER=bottle\nBOTTLE_PART=" + std::string(to_string(part)) +
             "\nMESSAGE=" + std::string(text) + "\n";
    case Kind::Plain:
      break;
  }
  return std::string(line);
}

void AuditCopy::run() {
  for (;;) {
    Line line;
    {
      std::unique_lock lock(mutex_);
      // Lost lines are told in time even if no more lines come.
      const auto has_work = [this] { return stopping_ || !queue_.empty(); };
      if (lost_ > 0) {
        changed_.wait_until(lock, told_ + kAuditCopyTold, has_work);
      } else {
        changed_.wait(lock, [&] { return has_work() || lost_ > 0; });
      }
      if (queue_.empty() && stopping_) break;
      if (!queue_.empty()) {
        line = std::move(queue_.front());
        queue_.pop_front();
        queued_ -= line.text.size();
      }
    }
    if (!line.text.empty() && !deliver(line)) {
      const std::lock_guard lock(mutex_);
      ++lost_;
    }
    tell_lost();
  }
  told_ = {};
  tell_lost();
}

// Tries until the receiver takes it. False: it never will, or the time is over.
bool AuditCopy::deliver(const Line& line) noexcept try {
  const std::string bytes = datagram(kind_, line.text, line.part);
  for (;;) {
    const bool there = socket_ || connect();
    const ssize_t sent =
        there ? ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
    if (sent >= 0) return true;
    const int error = errno;
    if (error == EINTR) continue;
    if (error == EMSGSIZE) return false;
    // It went away, and may come back as another socket.
    if (error != EAGAIN && error != EWOULDBLOCK && error != ENOBUFS) socket_.reset();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ && Clock::now() >= last_) return false;
    }
    tell_lost();
    pause();
  }
} catch (...) {  // out of memory
  return false;
}

void AuditCopy::pause() {
  pollfd ready{socket_ ? socket_.get() : -1, POLLOUT, 0};
  ::poll(&ready, 1, static_cast<int>(kAuditCopyPause.count()));
}

void AuditCopy::tell_lost() {
  std::uint64_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (lost_ == 0 || (told_ != Clock::time_point{} && now < told_ + kAuditCopyTold)) return;
    told_ = now;
    count = std::exchange(lost_, 0);
  }
  lost_function_(count);
}

}  // namespace bottle
