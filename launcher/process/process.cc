#include "launcher/process/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <thread>

#include "launcher/process/own_memory.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array kWatched{SIGINT,  SIGTERM, SIGHUP,   SIGQUIT, SIGUSR1,
                              SIGUSR2, SIGCHLD, SIGWINCH, SIGTSTP, SIGCONT};

bool ends_a_wait(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

Error interrupted(int signal) {
  return Error{static_cast<ExitCode>(128 + signal), "interrupted before the bottle had started",
               ""};
}

void default_signals() {
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

int remaining_ms(Clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 0, 60'000));
}

}  // namespace

Expected<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

bool write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const auto put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

SignalWatch::SignalWatch() {
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int number : kWatched) ::sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, &before_);
  fd_ = Fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  ::signal(SIGPIPE, SIG_IGN);
}

// A signal that is pending came too late to be answered; unblocked it would end the process.
SignalWatch::~SignalWatch() {
  while (next()) {
  }
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalWatch::next() {
  signalfd_siginfo info{};
  const auto got = ::read(fd_.get(), &info, sizeof info);
  if (got != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    destroy();
    pid_ = std::exchange(other.pid_, -1);
    status_ = std::exchange(other.status_, std::nullopt);
  }
  return *this;
}

void Child::signal(int number) const {
  if (running()) ::kill(pid_, number);
}

bool Child::ended() {
  if (pid_ <= 0 || status_) return true;
  int status = 0;
  const pid_t got = ::waitpid(pid_, &status, WNOHANG);
  if (got == pid_) status_ = status;
  // Somebody else has its status; that is no success.
  if (got < 0 && errno == ECHILD) status_ = W_EXITCODE(static_cast<int>(ExitCode::kSystem), 0);
  return status_.has_value();
}

bool Child::wait(std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  while (!ended()) {
    if (Clock::now() >= until) return false;
    // pidfd_open would need a descriptor for a wait that is over in milliseconds.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void Child::stop(std::chrono::milliseconds patience) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    signal(SIGTERM);
    if (wait(patience)) return;
  }
  destroy();
}

void Child::destroy() noexcept {
  if (running()) {
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = status;
  }
}

int Child::exit_status() const {
  const int status = status_.value_or(0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void keep_death_promise(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(static_cast<int>(ExitCode::kSystem));
}

void outlive_launcher() { ::prctl(PR_SET_PDEATHSIG, 0); }

Expected<Child> fork_child(const std::function<int()>& body) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("cannot start a process", errno);
  if (pid == 0) {
    HiddenMemory::show();  // a user namespace needs the files of this process in /proc
    keep_death_promise(parent);
    default_signals();
    ::_exit(body());
  }
  return Child(pid);
}

void close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = 3;
  for (const int fd : kept) {
    if (fd < static_cast<int>(next)) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > next) ::syscall(SYS_close_range, next, number - 1, 0U);
    next = number + 1;
  }
  ::syscall(SYS_close_range, next, ~0U, 0U);
}

int exec_now(const Launch& launch) {
  // First out of the way of the target numbers, then into place.
  std::vector<int> moved;
  int floor = 3;
  for (const auto& [here, there] : launch.fds) floor = std::max(floor, there + 1);
  for (const auto& [here, there] : launch.fds) {
    const int copy = ::fcntl(here, F_DUPFD_CLOEXEC, floor);
    if (copy < 0) return errno;
    moved.push_back(copy);
  }
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (::dup2(moved[i], launch.fds[i].second) < 0) return errno;
  }
  std::vector<bool> keep(static_cast<std::size_t>(floor), false);
  for (const auto& [here, there] : launch.fds) keep[static_cast<std::size_t>(there)] = true;
  for (int fd = 3; fd < floor; ++fd) {
    if (!keep[static_cast<std::size_t>(fd)]) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  // A bottle does not get the descriptors that the launcher's caller left open.
  ::syscall(SYS_close_range, static_cast<unsigned>(floor), ~0U, CLOSE_RANGE_CLOEXEC);

  std::vector<char*> argv;
  std::vector<char*> env;
  for (const auto& word : launch.argv) argv.push_back(const_cast<char*>(word.c_str()));
  for (const auto& word : launch.env) env.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  env.push_back(nullptr);
  ::execve(argv[0], argv.data(), env.data());
  return errno;
}

Expected<Child> spawn(const Launch& launch, ExitCode code,
                      const std::function<bool()>& before_exec) {
  auto report = make_pipe();
  if (!report) return std::move(report.error());
  // Out of the way of the numbers that exec_now() hands out.
  report->write = Fd(::fcntl(report->write.get(), F_DUPFD_CLOEXEC, 100));
  const int report_fd = report->write.get();
  const pid_t parent = ::getpid();
  auto child = fork_child([&launch, &before_exec, report_fd, parent] {
    ::setsid();
    int problem = 0;
    if (before_exec && !before_exec()) problem = errno == 0 ? EINVAL : errno;
    if (problem == 0) {
      launch.outlives_launcher ? outlive_launcher() : keep_death_promise(parent);
      problem = exec_now(launch);
    }
    write_all(report_fd, std::string_view(reinterpret_cast<const char*>(&problem), sizeof problem));
    return 127;
  });
  if (!child) return child;
  report->write.reset();
  int problem = 0;
  ssize_t got = 0;
  do {
    got = ::read(report->read.get(), &problem, sizeof problem);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof problem)) {
    return system_error("cannot start " + launch.argv.front(), problem, "", code);
  }
  return child;
}

Expected<std::string> await_line(int fd, SignalWatch& signals, std::chrono::milliseconds limit,
                                 const std::string& who, ExitCode code) {
  constexpr std::size_t kMaxLine = 64 * 1024;
  const auto until = Clock::now() + limit;
  std::string line;
  while (line.size() < kMaxLine) {
    std::array<pollfd, 2> fds{pollfd{fd, POLLIN, 0}, pollfd{signals.fd(), POLLIN, 0}};
    const int ready = ::poll(fds.data(), fds.size(), remaining_ms(until));
    if (ready < 0 && errno != EINTR) return system_error("cannot wait for " + who, errno);
    while (const auto signal = signals.next()) {
      if (ends_a_wait(*signal)) return interrupted(*signal);
    }
    if (fds[0].revents != 0) {
      char c = '\0';
      const auto got = ::read(fd, &c, 1);
      if (got == 0) return Error{code, who + " ended before it was ready", ""};
      if (got == 1 && c == '\n') return line;
      if (got == 1) line += c;
    } else if (Clock::now() >= until) {
      return Error{
          code, who + " was not ready within " + std::to_string(limit.count() / 1000) + " s", ""};
    }
  }
  return Error{code, who + " printed a line longer than 64 KiB", ""};
}

Expected<void> pause_for(SignalWatch& signals, std::chrono::milliseconds limit) {
  pollfd fds{signals.fd(), POLLIN, 0};
  ::poll(&fds, 1, static_cast<int>(limit.count()));
  while (const auto signal = signals.next()) {
    if (ends_a_wait(*signal)) return interrupted(*signal);
  }
  return {};
}

void stop_own_job() {
  sigset_t stop;
  sigset_t before;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &stop, &before);
  ::kill(0, SIGTSTP);  // returns once this process is continued
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::optional<std::string> find_program(const std::string& name, std::string_view path) {
  const auto runnable = [](const std::string& file) {
    struct stat info{};
    return ::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           ::access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) {
    if (runnable(name)) return name;
    return std::nullopt;
  }
  while (!path.empty()) {
    const auto colon = path.find(':');
    const std::string candidate = std::string(path.substr(0, colon)) + "/" + name;
    if (candidate.front() == '/' && candidate.size() > name.size() + 1 && runnable(candidate)) {
      return candidate;
    }
    if (colon == std::string_view::npos) break;
    path.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

}  // namespace bottle::launcher
