#include "launcher/lifetime/held_terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "launcher/lifetime/terminal_holder.h"
#include "proxy/contract/control_client.h"

extern char** environ;

namespace bottle::launcher {
namespace {

constexpr int kMostAttaching = 4;
constexpr winsize kUsualSize{24, 80, 0, 0};

bool listen_in(const Fd& socket, const std::filesystem::path& runtime) {
  const auto at = UnixPath::of((runtime / kAttachName).string());
  return at && ::bind(socket.get(), at->address(), UnixPath::size()) == 0 &&
         ::listen(socket.get(), kMostAttaching) == 0;
}

struct Terminals {
  Fd master;
  Fd slave;
};

Expected<Terminals> make_terminal() {
  Terminals out{.master = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)), .slave = Fd()};
  std::array<char, 64> name{};
  if (!out.master || ::grantpt(out.master.get()) != 0 || ::unlockpt(out.master.get()) != 0 ||
      ::ptsname_r(out.master.get(), name.data(), name.size()) != 0) {
    return system_error("cannot make a pseudo terminal", errno);
  }
  out.slave = Fd(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!out.slave) return system_error("cannot open the pseudo terminal", errno);
  winsize size = kUsualSize;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) break;
  }
  ::ioctl(out.master.get(), TIOCSWINSZ, &size);
  ::fcntl(out.master.get(), F_SETFL, O_NONBLOCK);
  return out;
}

// The holder needs nothing of the caller's but these, and keeps none of its secrets.
void forget_the_caller(const std::vector<int>& kept) {
  ::setsid();
  close_all_but(kept);
  for (char** one = environ; *one != nullptr; ++one) ::explicit_bzero(*one, std::strlen(*one));
  ::clearenv();
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int number = 0; number < 3; ++number) ::dup2(nothing.get(), number);
  static_cast<void>(::chdir("/"));
  for (const int number : {SIGINT, SIGQUIT, SIGTSTP, SIGPIPE, SIGHUP}) ::signal(number, SIG_IGN);
}

// False: the end.
bool copy_to_errors(const Fd& from) {
  std::array<char, 4096> chunk{};
  const auto got = ::read(from.get(), chunk.data(), chunk.size());
  if (got < 0) return errno == EINTR;
  return got > 0 && write_all(STDERR_FILENO, {chunk.data(), static_cast<std::size_t>(got)});
}

}  // namespace

Fd connect_attach(const std::filesystem::path& runtime) {
  Fd out(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto at = UnixPath::of((runtime / kAttachName).string());
  if (!out || !at || ::connect(out.get(), at->address(), UnixPath::size()) != 0) return Fd();
  return out;
}

Expected<Detachment> Detachment::start() {
  auto terminal = make_terminal();
  if (!terminal) return std::move(terminal.error());
  std::array<Pipe, 4> pipes;
  for (auto& one : pipes) {
    auto made = make_pipe();
    if (!made) return std::move(made.error());
    one = std::move(*made);
  }
  auto& [report, control, errors, to_caller] = pipes;
  Detachment out;
  out.socket_ = Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.socket_) return system_error("cannot make a socket", errno);
  const pid_t holder = ::fork();
  if (holder < 0) return system_error("cannot start a process", errno);
  if (holder == 0) {
    forget_the_caller({terminal->master.get(), out.socket_.get(), control.read.get(),
                       errors.read.get(), to_caller.write.get()});
    ::_exit(hold_terminal({.master = std::move(terminal->master),
                           .socket = std::move(out.socket_),
                           .control = std::move(control.read),
                           .errors = std::move(errors.read),
                           .caller = std::move(to_caller.write)}));
  }
  out.slave_ = std::move(terminal->slave);
  out.to_holder_ = std::move(control.write);
  out.errors_ = std::move(errors.write);
  out.report_ = std::move(report);
  out.from_holder_ = std::move(to_caller.read);
  return out;
}

Expected<bool> Detachment::split() {
  const pid_t launcher = ::fork();
  if (launcher < 0) return system_error("cannot start a process", errno);
  if (launcher > 0) {
    slave_.reset();
    socket_.reset();
    to_holder_.reset();
    errors_.reset();
    report_.write.reset();
    return false;
  }
  close_all_but(
      {slave_.get(), socket_.get(), to_holder_.get(), errors_.get(), report_.write.get()});
  static_cast<void>(report_.read.release());
  static_cast<void>(from_holder_.release());
  ::setsid();
  ::ioctl(slave_.get(), TIOCSCTTY, 0);
  for (const int number : {STDIN_FILENO, STDOUT_FILENO}) ::dup2(slave_.get(), number);
  ::dup2(errors_.get(), STDERR_FILENO);
  errors_.reset();
  return true;
}

bool Detachment::running(const std::string& id, const std::filesystem::path& runtime,
                         const std::filesystem::path& state) {
  if (!listen_in(socket_, runtime)) return false;
  write_all(to_holder_.get(), "listen " + (state / kOutputLog).string() + "\n");
  socket_.reset();
  const bool heard = write_all(report_.write.get(), "running " + id + "\n");
  report_.write.reset();
  slave_.reset();
  return heard;
}

void Detachment::ended(int status) {
  // The holder ends with the line, and its terminal hangs up: on a process that has left it.
  ::signal(SIGHUP, SIG_IGN);
  ::ioctl(STDIN_FILENO, TIOCNOTTY);
  const std::string line = "ended " + std::to_string(status) + "\n";
  if (report_.write) write_all(report_.write.get(), line);
  write_all(to_holder_.get(), line);
}

Detachment::Start Detachment::wait() {
  std::string line;
  bool said = false;
  // The holder closes its pipe when it has passed on all errors; then the line is there, too.
  while (from_holder_ || !said) {
    std::array<pollfd, 2> fds{pollfd{from_holder_.get(), POLLIN, 0},
                              pollfd{said ? -1 : report_.read.get(), POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents != 0 && !copy_to_errors(from_holder_)) from_holder_.reset();
    if (fds[1].revents == 0) continue;
    char c = 0;
    const auto got = ::read(fds[1].fd, &c, 1);
    said = got == 0 || c == '\n';
    if (got == 1 && !said) line += c;
  }
  if (line.starts_with("running ")) return {.id = line.substr(8)};
  // Without a word the launcher was killed.
  return {.status = line.starts_with("ended ") ? std::atoi(line.c_str() + 6) : 128 + SIGKILL};
}

}  // namespace bottle::launcher
