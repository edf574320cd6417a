#include "launcher/backend/local/run_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/backend/local/bubblewrap_report.h"
#include "launcher/backend/local/bwrap_arguments.h"
#include "launcher/backend/local/local_backend.h"
#include "launcher/backend/local/session_leader.h"
#include "launcher/backend/local/terminal.h"
#include "launcher/process/log_tail.h"

namespace bottle::launcher::local {
namespace {

using Clock = std::chrono::steady_clock;
// From a SIGTERM or SIGHUP to the launcher until the bottle is killed.
constexpr std::chrono::seconds kGrace{10};

constexpr int kTick = 500;  // ms
// While a signal waits for the command.
constexpr int kShortTick = 10;

class Session {
 public:
  Session(AgentRoom& agent_room, std::optional<Terminal>& terminal, std::optional<LeaderLink> link,
          Fd report, const std::vector<Watched>& needed, SignalWatch& signals,
          const std::function<void()>& running)
      : agent_room_(agent_room),
        terminal_(terminal),
        link_(std::move(link)),
        report_(std::move(report)),
        needed_(needed),
        told_(needed.size(), false),
        signals_(signals),
        running_(running) {}

  Expected<ExitStatus> run() {
    while (!agent_room_.child().ended()) {
      if (terminal_ && !terminal_->held()) terminal_->take();
      wait_for_something();
      pass_on_early();
      while (const auto signal = signals_.next()) answer(*signal);
      for (std::size_t i = 0; i < needed_.size(); ++i) {
        if (lost_ || told_[i] || !needed_[i].child->ended()) continue;
        told_[i] = true;
        lose(needed_[i]);
      }
      if (kill_at_ && Clock::now() >= *kill_at_) agent_room_.kill_bottle();
    }
    if (terminal_) {
      if (output_open_) terminal_->drain_output();
      terminal_->restore();
    }
    if (lost_) return std::move(*lost_);
    report_.read();
    if (report_.executed()) tell_running();
    return report_.verdict(agent_room_.child().exit_status());
  }

 private:
  enum Slot : std::size_t { kSignals, kReport, kInput, kMaster, kLink, kSlots };

  void wait_for_something() {
    std::array<pollfd, kSlots> fds{};
    fds.fill(pollfd{-1, 0, 0});
    fds[kSignals] = {signals_.fd(), POLLIN, 0};
    fds[kReport] = {report_.fd(), POLLIN, 0};
    if (link_) fds[kLink] = {link_->fd(), POLLIN, 0};
    if (terminal_) {
      if (terminal_->wants_input()) fds[kInput] = {STDIN_FILENO, POLLIN, 0};
      const int write = terminal_->wants_to_write() ? POLLOUT : 0;
      if (output_open_) {
        fds[kMaster] = {terminal_->master(), static_cast<short>(POLLIN | write), 0};
      }
    }
    // The tick is for kill_at_ and for a job that comes to the foreground.
    const int tick = early_.empty() ? kTick : kShortTick;
    if (::poll(fds.data(), fds.size(), tick) <= 0) return;
    if (fds[kReport].revents != 0) read_report();
    if (fds[kInput].revents != 0) terminal_->copy_input();
    if ((fds[kMaster].revents & POLLOUT) != 0) terminal_->flush_input();
    if ((fds[kMaster].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      output_open_ = terminal_->copy_output();
    }
    if (fds[kLink].revents != 0 && link_->command_stopped()) stop_with_the_command();
  }

  // bwrap writes something there when its first process exists. The pid in it is one of the
  // room's namespace, so it is looked up.
  void read_report() {
    report_.read();
    if (first_ <= 0) first_ = agent_room_.first();
    if (first_ > 0) tell_running();
  }

  void tell_running() {
    if (!std::exchange(told_running_, true)) running_();
  }

  // The process group that stands for "the command": with a terminal the one in its foreground,
  // else that of the bottle's first process. (That one, as init of its namespace, ignores signals
  // that it has no handler for.)
  [[nodiscard]] bool reach(int signal) const {
    const pid_t group = terminal_ ? terminal_->foreground() : first_;
    return group > 0 && ::kill(-group, signal) == 0;
  }

  void pass_on(int signal) {
    if (reach(signal)) return;
    const bool stops = signal == SIGCONT || signal == SIGSTOP;
    if (first_ <= 0) {
      if (!stops) agent_room_.kill_bottle();  // it has not begun yet
    } else if (!stops && std::find(early_.begin(), early_.end(), signal) == early_.end()) {
      early_.push_back(signal);
    }
  }

  // The bottle's first process is there before the command and its group.
  void pass_on_early() {
    std::erase_if(early_, [this](int signal) { return reach(signal); });
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
        if (terminal_) terminal_->job_continued();
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
    ::raise(SIGSTOP);  // returns at SIGCONT
    go_on();
  }

  // The command is stopped, by Ctrl-Z or by itself (full-screen programs do it at Ctrl-Z). The
  // caller's shell has to see that its own job stopped.
  void stop_with_the_command() {
    output_open_ = output_open_ && terminal_->drain_output();
    terminal_->restore();
    stop_own_job();
    go_on();
  }

  void go_on() {
    if (!terminal_) return pass_on(SIGCONT);
    terminal_->job_continued();
    link_->go_on();
  }

  void lose(const Watched& watched) {
    if (!watched.lost.empty()) {
      std::string text = "bottle: " + watched.name + " ended unexpectedly (status " +
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
    lost_ = Error{watched.code,
                  watched.name + " ended unexpectedly (status " +
                      std::to_string(watched.child->exit_status()) +
                      "); the bottle is ended, since it can send nothing any more" +
                      log_tail(watched.log),
                  "its log is " + watched.log.string()};
    kill_at_ = Clock::now() + kGrace;
    pass_on(SIGTERM);
  }

  AgentRoom& agent_room_;
  std::optional<Terminal>& terminal_;
  std::optional<LeaderLink> link_;  // exactly when there is a terminal
  BubblewrapReport report_;
  const std::vector<Watched>& needed_;
  std::vector<bool> told_;  // that it has ended; as many as needed_
  SignalWatch& signals_;
  const std::function<void()>& running_;
  bool told_running_ = !running_;
  pid_t first_ = -1;        // the bottle's first process
  std::vector<int> early_;  // signals that came before the command had a group
  bool output_open_ = true;
  std::optional<Clock::time_point> kill_at_;
  std::optional<Error> lost_;
};

}  // namespace

Expected<ExitStatus> run_agent(const Plan& plan, const ResourceLimits& of_each_process,
                               const std::filesystem::path& runtime, AgentRoom& agent_room,
                               const std::vector<Watched>& needed, SignalWatch& signals,
                               const std::function<void()>& running) {
  auto terminal = Terminal::open();
  if (!terminal) return std::move(terminal.error());
  AgentRoom::BubblewrapCall call;
  call.bwrap = find_program("bwrap", kToolPath).value_or("bwrap");
  call.command = plan.command;
  call.limits = of_each_process;
  std::optional<LeaderLink> link;
  Fd leader;
  if (*terminal) {
    auto made = LeaderLink::make(leader);
    if (!made) return std::move(made.error());
    link.emplace(std::move(*made));
    call.command.insert(call.command.begin(), {kLeaderPath, kLeadWord});
  }
  call.arguments = bwrap_arguments(plan, BwrapSettings{.runtime = runtime,
                                                       .status_fd = AgentRoom::kStatusNumber,
                                                       .terminal = terminal->has_value()});
  auto report = make_pipe();
  if (!report) return std::move(report.error());
  const Fd none;
  Fd& agent_side = *terminal ? (*terminal)->agent_side() : const_cast<Fd&>(none);
  if (auto sent = agent_room.go_on(call, agent_side, leader, report->write); !sent)
    return std::move(sent.error());
  agent_side.reset();
  leader.reset();
  report->write.reset();
  return Session(agent_room, *terminal, std::move(link), std::move(report->read), needed, signals,
                 running)
      .run();
}

}  // namespace bottle::launcher::local
