#include "launcher/backend/local/run_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "launcher/backend/local/bubblewrap_report.h"
#include "launcher/backend/local/bwrap_arguments.h"
#include "launcher/backend/local/terminal.h"
#include "launcher/log_tail.h"

namespace bottle::launcher::local {
namespace {

using Clock = std::chrono::steady_clock;
// From a SIGTERM or SIGHUP to the launcher until the bottle is killed.
constexpr std::chrono::seconds kGrace{10};

constexpr int kTick = 500;  // ms
constexpr std::chrono::milliseconds kLook{400};

// By /proc: a process that was stopped by a signal.
bool is_stopped(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto name_end = text.rfind(')');  // the name before it may hold anything
  return name_end != std::string::npos && text.substr(name_end).starts_with(") T");
}

class Session {
 public:
  Session(Helper& helper, std::optional<Terminal>& terminal, Fd report,
          const std::vector<Watched>& needed, SignalWatch& signals)
      : helper_(helper),
        terminal_(terminal),
        report_(std::move(report)),
        needed_(needed),
        told_(needed.size(), false),
        signals_(signals) {}

  Result<ExitStatus> run() {
    if (terminal_) terminal_->make_raw();
    while (!helper_.child().ended()) {
      wait_for_something();
      while (const auto signal = signals_.next()) answer(*signal);
      notice_stop();
      for (std::size_t i = 0; i < needed_.size(); ++i) {
        if (lost_ || told_[i] || !needed_[i].child->ended()) continue;
        told_[i] = true;
        lose(needed_[i]);
      }
      if (kill_at_ && Clock::now() >= *kill_at_) helper_.kill_bottle();
    }
    if (terminal_) {
      drain_output();
      terminal_->restore();
    }
    if (lost_) return std::move(*lost_);
    return report_.verdict(helper_.child().exit_status());
  }

 private:
  enum Slot : std::size_t { kSignals, kReport, kInput, kMaster, kSlots };

  void wait_for_something() {
    std::array<pollfd, kSlots> fds{};
    fds.fill(pollfd{-1, 0, 0});
    fds[kSignals] = {signals_.fd(), POLLIN, 0};
    fds[kReport] = {report_.fd(), POLLIN, 0};
    if (terminal_) {
      if (terminal_->wants_input()) fds[kInput] = {STDIN_FILENO, POLLIN, 0};
      const int write = terminal_->wants_to_write() ? POLLOUT : 0;
      if (output_open_) {
        fds[kMaster] = {terminal_->master(), static_cast<short>(POLLIN | write), 0};
      }
    }
    // For kill_at_ and notice_stop(); everything else wakes it.
    if (::poll(fds.data(), fds.size(), kTick) <= 0) return;
    if (fds[kReport].revents != 0) read_report();
    if (fds[kInput].revents != 0) terminal_->copy_input();
    if ((fds[kMaster].revents & POLLOUT) != 0) terminal_->flush_input();
    if ((fds[kMaster].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      output_open_ = terminal_->copy_output();
    }
  }

  // bwrap writes something there when its first process exists. The pid in it is one of the
  // helper's namespace, so it is looked up.
  void read_report() {
    report_.read();
    if (first_ <= 0) first_ = helper_.first();
  }

  // The process group that stands for "the command": with a terminal the one in its foreground,
  // else that of the bottle's first process. (That one, as init of its namespace, ignores signals
  // that it has no handler for.)
  void pass_on(int signal) {
    pid_t group = terminal_ ? terminal_->foreground() : first_;
    if (group <= 0) group = first_;
    if (group > 0) {
      ::kill(-group, signal);
    } else if (signal != SIGCONT && signal != SIGSTOP) {
      helper_.kill_bottle();  // it has not begun yet
    }
  }

  void answer(int signal) {
    switch (signal) {
      case SIGCHLD:
        return;
      case SIGWINCH:
        if (terminal_) terminal_->copy_window_size();
        return;
      case SIGTSTP:
        return stop_with_the_bottle();
      case SIGCONT:
        return;
      case SIGTERM:
      case SIGHUP:
        if (!kill_at_) kill_at_ = Clock::now() + kGrace;
        pass_on(signal);
        return pass_on(SIGCONT);  // a stopped command would not notice
      default:
        return pass_on(signal);
    }
  }

  void stop_with_the_bottle() {
    if (terminal_) terminal_->restore();
    pass_on(SIGSTOP);
    ::raise(SIGSTOP);  // returns when somebody continues us
    go_on();
  }

  // A command that stopped itself (editors do at Ctrl-Z) waits for a shell to continue it. A shell
  // in the bottle takes the terminal back at once; when nobody has, the caller's shell is the one,
  // and it has to see that its own job stopped.
  void notice_stop() {
    const auto now = Clock::now();
    if (!terminal_ || now < look_at_) return;
    look_at_ = now + kLook;
    const pid_t group = terminal_->foreground();
    const bool stopped = group > 0 && is_stopped(group);
    if (!stopped || std::exchange(seen_stopped_, group) != group) {
      if (!stopped) seen_stopped_ = -1;
      return;
    }
    seen_stopped_ = -1;
    terminal_->restore();
    // All of our job, as the terminal does it. The kernel ignores it when no shell could continue
    // us; then the command just goes on.
    sigset_t stop{};
    sigset_t before{};
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    ::pthread_sigmask(SIG_UNBLOCK, &stop, &before);
    ::kill(0, SIGTSTP);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    go_on();
  }

  void go_on() {
    pass_on(SIGCONT);
    if (terminal_) {
      terminal_->make_raw();
      terminal_->copy_window_size();
    }
  }

  void lose(const Watched& watched) {
    if (!watched.lost.empty()) {
      std::string text = "bottle: " + watched.name + " ended by itself (status " +
                         std::to_string(watched.child->exit_status()) + "): " + watched.lost +
                         log_tail(watched.log) + "\nbottle: its log is " + watched.log.string() +
                         "\n";
      // A raw terminal does not return to the begin of the line by itself.
      for (std::size_t at = 0; terminal_ && (at = text.find('\n', at)) != std::string::npos;
           at += 2) {
        text.replace(at, 1, "\r\n");
      }
      std::cerr << text << std::flush;
      return;
    }
    lost_ = Error{
        watched.code,
        watched.name + " ended by itself (status " + std::to_string(watched.child->exit_status()) +
            "); the bottle is ended, since nothing can leave it any more" + log_tail(watched.log),
        "its log is " + watched.log.string()};
    kill_at_ = Clock::now() + kGrace;
    pass_on(SIGTERM);
  }

  void drain_output() {
    while (output_open_) {
      pollfd fds{terminal_->master(), POLLIN, 0};
      if (::poll(&fds, 1, 0) <= 0) return;
      output_open_ = terminal_->copy_output();
    }
  }

  Helper& helper_;
  std::optional<Terminal>& terminal_;
  BubblewrapReport report_;
  const std::vector<Watched>& needed_;
  std::vector<bool> told_;  // that it has ended; as many as needed_
  SignalWatch& signals_;
  pid_t first_ = -1;  // the bottle's first process
  bool output_open_ = true;
  Clock::time_point look_at_{};  // when notice_stop() looks again
  pid_t seen_stopped_ = -1;      // the foreground group that was stopped at the last look
  std::optional<Clock::time_point> kill_at_;
  std::optional<Error> lost_;
};

}  // namespace

Result<ExitStatus> run_agent(const Plan& plan, const std::filesystem::path& runtime, Helper& helper,
                             const std::vector<Watched>& needed, SignalWatch& signals) {
  auto terminal = Terminal::open();
  if (!terminal) return std::move(terminal.error());
  Helper::Go go;
  go.bwrap = find_program("bwrap", "/usr/local/bin:/usr/bin:/bin").value_or("bwrap");
  go.command = plan.command;
  if (*terminal) {
    // In the bottle: makes the pseudo terminal the controlling one of a session of the command's.
    // Without it there is no job control, so the streams are passed on as they are.
    const auto setsid = find_program("setsid", "/usr/bin:/bin");
    if (setsid) {
      go.command.insert(go.command.begin(), {*setsid, "-c"});
    } else {
      terminal->reset();
    }
  }
  go.arguments = bwrap_arguments(plan, BwrapSettings{.runtime = runtime,
                                                     .status_fd = Helper::kStatusNumber,
                                                     .terminal = terminal->has_value()});
  auto report = make_pipe();
  if (!report) return std::move(report.error());
  const Fd none;
  Fd& agent_side = *terminal ? (*terminal)->agent_side() : const_cast<Fd&>(none);
  if (auto sent = helper.go_on(go, agent_side, report->write); !sent)
    return std::move(sent.error());
  agent_side.reset();
  report->write.reset();
  return Session(helper, *terminal, std::move(report->read), needed, signals).run();
}

}  // namespace bottle::launcher::local
