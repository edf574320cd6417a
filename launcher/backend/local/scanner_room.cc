#include "launcher/backend/local/scanner_room.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "launcher/backend/local/call_filter.h"
#include "launcher/backend/local/packed_words.h"
#include "proxy/contract/fd_message.h"

namespace bottle::launcher::local {
namespace {

constexpr int kArgumentsNumber = 3;
constexpr int kStatusNumber = 4;  // of bwrap's --json-status-fd
constexpr std::chrono::seconds kEndLimit{2};

void answer_one(int broker) {
  const FdMessage asked = receive_message(broker, kAskSocket.size(), MSG_DONTWAIT);
  if (asked.text != kAskSocket) return;
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int fd = socket.get();
  if (socket) {
    send_message(broker, kSocketGiven, std::span(&fd, 1));
  } else {
    send_message(broker, kSocketNone, {});
  }
}

// Reaps what ended; pipelock's status when that was among it.
std::optional<int> reap(pid_t pipelock) {
  int status = 0;
  for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended != pipelock) continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return std::nullopt;
}

// The inner process: answers requests for sockets until pipelock ends. Messages from the launcher:
// log, bwrap's arguments and bwrap's status as descriptors, with the words to exec. Its end of file
// is the end.
int keep_scanner(int control, int broker) {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  const Fd signals(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return 1;
  Child pipelock;
  for (;;) {
    std::array<pollfd, 3> fds{pollfd{control, POLLIN, 0}, pollfd{broker, POLLIN, 0},
                              pollfd{signals.get(), POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return 1;
    if (fds[2].revents != 0) {
      signalfd_siginfo ignored{};
      (void)!::read(signals.get(), &ignored, sizeof ignored);
      if (const auto status = reap(pipelock.pid())) return *status;
    }
    if ((fds[1].revents & POLLIN) != 0) answer_one(broker);
    if (fds[0].revents == 0) continue;
    const FdMessage words = receive_message(control, kMaxMessage);
    if (words.fds.size() != 3 || pipelock) return 0;
    Launch launch;
    launch.argv = unpacked(words.text);
    launch.env = {"PATH=/usr/bin:/bin"};
    // Not the launcher's own input: it may be the user's terminal.
    const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    launch.fds = {{nothing.get(), 0},
                  {words.fds[0].get(), 1},
                  {words.fds[0].get(), 2},
                  {words.fds[1].get(), kArgumentsNumber},
                  {words.fds[2].get(), kStatusNumber}};
    auto started = spawn(launch, ExitCode::kScanner, install_call_filter);
    if (!started) {
      write_all(words.fds[0].get(), started.error().message + "\n");
      return static_cast<int>(ExitCode::kScanner);
    }
    pipelock = std::move(*started);
  }
}

}  // namespace

Expected<ScannerRoom> ScannerRoom::start(const std::vector<std::uint16_t>& ports) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return system_error("cannot make a socket pair", errno);
  }
  Fd mine(ends[0]);
  const Fd other(ends[1]);
  std::vector<Room::Opening> openings;
  for (const auto port : ports) {
    openings.push_back({Room::Opening::Kind::kListener, kExitLast, port});
  }
  openings.push_back({Room::Opening::Kind::kDatagrams, kExitLast, 53});
  const int broker = other.get();
  auto room = Room::make(openings, [broker](int control) {
    // Only these two of all that the launcher has open; it holds secrets and leases.
    const Fd high(::fcntl(control, F_DUPFD_CLOEXEC, 10));
    ::dup3(broker, 4, O_CLOEXEC);
    ::dup3(high.get(), 3, O_CLOEXEC);
    ::syscall(SYS_close_range, 5U, ~0U, 0U);
    return keep_scanner(3, 4);
  });
  if (!room) return std::move(room.error());
  return ScannerRoom(std::move(*room), std::move(mine));
}

Expected<ScannerRoom::Sockets> ScannerRoom::take_sockets() {
  auto all = room_.take_sockets();
  if (!all) return std::move(all.error());
  Sockets out;
  out.names = std::move(all->back());
  all->pop_back();
  out.exit = std::move(*all);
  return out;
}

Expected<void> ScannerRoom::go_on(const std::string& bwrap,
                                  const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& command, const Fd& log) {
  auto report = make_pipe();
  if (!report) return std::move(report.error());
  const Fd text(::memfd_create("bwrap-arguments", MFD_CLOEXEC));
  if (!text || !write_all(text.get(), packed(arguments)) || ::lseek(text.get(), 0, SEEK_SET) != 0) {
    return system_error("cannot pass bwrap its arguments", errno);
  }
  std::vector<std::string> words{bwrap,
                                 "--json-status-fd",
                                 std::to_string(kStatusNumber),
                                 "--args",
                                 std::to_string(kArgumentsNumber),
                                 "--"};
  words.insert(words.end(), command.begin(), command.end());
  const std::array<int, 3> fds{log.get(), text.get(), report->write.get()};
  if (!send_message(room_.control(), packed(words), fds)) {
    return system_error("the process that starts pipelock is gone", errno, "", ExitCode::kScanner);
  }
  report_.emplace(std::move(report->read));
  return {};
}

bool ScannerRoom::was_executed() {
  if (!report_) return false;
  report_->read();
  return report_->executed();
}

void ScannerRoom::stop() {
  room_.hang_up();
  if (!child().wait(kEndLimit)) child().stop(kEndLimit);
}

}  // namespace bottle::launcher::local
