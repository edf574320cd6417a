#include "launcher/backend/local/session_leader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

extern char** environ;

namespace bottle::launcher::local {
namespace {

// Messages of one byte. From the leader:
constexpr char kStopped = 's';
constexpr char kRunning = 'r';  // the answer to kGoOn
// To the leader:
constexpr char kGoOn = 'c';

void send_byte(int link, char byte) {
  static_cast<void>(::send(link, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
}

// In the command's process. Both it and its parent put it into its group, as shells do, since
// either may be first.
int become_command(pid_t leader, int link, const sigset_t& mask,
                   const std::function<int()>& command) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != leader) return 1;
  ::close(link);
  ::setpgid(0, 0);
  // SIGTTOU is blocked: a group in the background may not take the terminal.
  ::tcsetpgrp(STDIN_FILENO, ::getpid());
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  return command();
}

class Leader {
 public:
  Leader(int link, pid_t command, int signals)
      : link_(link), command_(command), signals_(signals) {}

  int run() {
    for (;;) {
      std::array<pollfd, 2> fds{pollfd{signals_, POLLIN, 0}, pollfd{link_, POLLIN, 0}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return 1;
      if (fds[0].revents != 0) {
        signalfd_siginfo info{};
        while (::read(signals_, &info, sizeof info) > 0) {
        }
        if (const auto status = look()) return *status;
      }
      if (fds[1].revents != 0) read_link();
    }
  }

 private:
  // The command's status once it has ended.
  std::optional<int> look() {
    int status = 0;
    while (::waitpid(command_, &status, WNOHANG | WUNTRACED) == command_) {
      if (WIFEXITED(status)) return WEXITSTATUS(status);
      if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
      if (WIFSTOPPED(status)) send_byte(link_, kStopped);
    }
    return std::nullopt;
  }

  void read_link() {
    char byte = 0;
    const auto got = ::recv(link_, &byte, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      link_ = -1;  // the launcher is gone, and the bottle is about to be
      return;
    }
    if (byte != kGoOn) return;
    // A stop that has not been told yet is over with this.
    ::tcsetpgrp(STDIN_FILENO, command_);
    ::kill(-command_, SIGCONT);
    send_byte(link_, kRunning);
  }

  int link_;
  pid_t command_;
  int signals_;
};

int complain(const std::string& what, int problem, ExitCode code) {
  write_all(STDERR_FILENO, "bottle: " + what + ": " + std::strerror(problem) + "\n");
  return static_cast<int>(code);
}

}  // namespace

int lead_session(int link, const std::function<int()>& command) {
  ::fcntl(link, F_SETFD, FD_CLOEXEC);
  ::setsid();
  ::ioctl(STDIN_FILENO, TIOCSCTTY, 0);
  sigset_t watched;
  sigset_t before;
  ::sigemptyset(&watched);
  for (const int number : {SIGCHLD, SIGTTOU}) ::sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, &before);
  ::sigdelset(&watched, SIGTTOU);
  const Fd signals(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return complain("cannot watch signals", errno, ExitCode::kSystem);
  const pid_t leader = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return complain("cannot start a process", errno, ExitCode::kSystem);
  if (child == 0) ::_exit(become_command(leader, link, before, command));
  ::setpgid(child, child);
  ::tcsetpgrp(STDIN_FILENO, child);
  return Leader(link, child, signals.get()).run();
}

void lead_main(const std::vector<std::string>& words) {
  // The command can neither trace the leader nor take its end of the link.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (words.empty()) ::_exit(static_cast<int>(ExitCode::kUsage));
  const auto run = [&words] {
    const char* const path = std::getenv("PATH");
    const auto program = find_program(words.front(), path == nullptr ? "/usr/bin:/bin" : path);
    if (!program) return complain(words.front(), ENOENT, ExitCode::kCommandNotFound);
    std::vector<char*> argv;
    for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execve(program->c_str(), argv.data(), environ);
    return complain(words.front(), errno, ExitCode::kCommandNotRunnable);
  };
  // Nothing is left to be flushed, and a leak check could not look around in here.
  ::_exit(lead_session(kLeaderNumber, run));
}

Expected<LeaderLink> LeaderLink::make(Fd& leader) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return system_error("cannot make a socket pair", errno);
  }
  leader = Fd(ends[1]);
  return LeaderLink(Fd(ends[0]));
}

bool LeaderLink::command_stopped() {
  char byte = 0;
  const auto got = ::recv(fd_.get(), &byte, 1, MSG_DONTWAIT);
  if (got == 0) fd_.reset();  // the leader has ended, and with it the command
  if (got <= 0) return false;
  if (byte == kRunning) awaiting_answer_ = false;
  return byte == kStopped && !awaiting_answer_;
}

void LeaderLink::go_on() {
  if (!fd_) return;
  awaiting_answer_ = true;
  send_byte(fd_.get(), kGoOn);
}

}  // namespace bottle::launcher::local
