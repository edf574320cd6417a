#include "launcher/backend/local/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace bottle::launcher::local {

bool Terminal::is_there() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

Expected<std::optional<Terminal>> Terminal::open() {
  termios before{};
  if (!is_there() || ::tcgetattr(STDIN_FILENO, &before) != 0) {
    return std::optional<Terminal>();
  }
  Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  std::array<char, 64> name{};
  if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0 ||
      ::ptsname_r(master.get(), name.data(), name.size()) != 0) {
    return system_error("cannot make a pseudo terminal", errno);
  }
  Fd agent_side(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!agent_side) return system_error("cannot open the pseudo terminal", errno);
  ::tcsetattr(agent_side.get(), TCSANOW, &before);
  ::fcntl(master.get(), F_SETFL, O_NONBLOCK);
  Terminal terminal(std::move(master), std::move(agent_side), before);
  terminal.copy_window_size();
  return std::optional<Terminal>(std::move(terminal));
}

Terminal::Terminal(Terminal&& other) noexcept
    : master_(std::move(other.master_)),
      agent_side_(std::move(other.agent_side_)),
      before_(other.before_),
      held_(std::exchange(other.held_, false)),
      input_open_(other.input_open_),
      pending_(std::move(other.pending_)) {}

Terminal::~Terminal() { restore(); }

void Terminal::take() {
  // Without job control (-1) no other process group uses it.
  const pid_t front = ::tcgetpgrp(STDIN_FILENO);
  if (front != -1 && front != ::getpgrp()) return;
  termios raw = before_;
  ::cfmakeraw(&raw);
  held_ = true;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  copy_window_size();
}

void Terminal::restore() {
  if (held_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  held_ = false;
}

void Terminal::job_continued() {
  held_ = false;
  take();
}

void Terminal::copy_window_size() const {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(master_.get(), TIOCSWINSZ, &size);
}

bool Terminal::copy_input() {
  std::array<char, 4096> chunk{};
  const auto got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
  if (got > 0) {
    pending_.assign(chunk.data(), static_cast<std::size_t>(got));
    flush_input();
  } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
    input_open_ = false;
  }
  return input_open_;
}

void Terminal::flush_input() {
  const auto put = ::write(master_.get(), pending_.data(), pending_.size());
  if (put > 0) pending_.erase(0, static_cast<std::size_t>(put));
  if (put < 0 && errno != EAGAIN && errno != EINTR) pending_.clear();  // the other end is gone
}

bool Terminal::copy_output() {
  std::array<char, 16384> chunk{};
  const auto got = ::read(master_.get(), chunk.data(), chunk.size());
  if (got > 0) {
    return write_all(STDOUT_FILENO, std::string_view(chunk.data(), static_cast<std::size_t>(got)));
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR);  // EIO: the last one has closed its side
}

bool Terminal::drain_output() {
  for (;;) {
    pollfd fds{master_.get(), POLLIN, 0};
    if (::poll(&fds, 1, 0) <= 0) return true;
    if (!copy_output()) return false;
  }
}

pid_t Terminal::foreground() const {
  pid_t group = -1;
  if (::ioctl(master_.get(), TIOCGPGRP, &group) != 0 || group <= 0) return -1;
  return group;
}

}  // namespace bottle::launcher::local
