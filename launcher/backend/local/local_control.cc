#include "launcher/backend/local/local_control.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "launcher/backend/local/enter.h"
#include "launcher/backend/local/local_backend.h"
#include "launcher/backend/local/local_ports.h"
#include "launcher/backend/local/resource_group.h"
#include "launcher/backend/local/session_leader.h"
#include "launcher/backend/local/terminal.h"
#include "launcher/lifetime/proxy_process.h"
#include "launcher/process/command_output.h"
#include "launcher/process/namespaces.h"
#include "proxy/contract/control_client.h"

namespace bottle::launcher::local {
namespace {

constexpr int kTerminalTick = 500;  // ms
constexpr int kOldestMajor = 0;     // of bubblewrap: the first with --disable-userns
constexpr int kOldestMinor = 8;

// Stays with the command to its end.
class ExecLoop {
 public:
  ExecLoop(Child& child, std::optional<Terminal>& terminal, std::optional<LeaderLink> link,
           SignalWatch& signals)
      : child_(child), terminal_(terminal), link_(std::move(link)), signals_(signals) {}

  ExitStatus run() {
    while (!child_.ended()) {
      if (terminal_ && !terminal_->held()) terminal_->take();
      wait_for_something();
      while (const auto signal = signals_.next()) answer(*signal);
    }
    if (terminal_ && output_open_) terminal_->drain_output();
    if (terminal_) terminal_->restore();
    return ExitStatus{child_.exit_status()};
  }

 private:
  void wait_for_something() {
    enum : std::size_t { kSignals, kInput, kMaster, kLink, kSlots };
    std::array<pollfd, kSlots> fds{};
    fds.fill(pollfd{-1, 0, 0});
    fds[kSignals] = {signals_.fd(), POLLIN, 0};
    if (link_) fds[kLink] = {link_->fd(), POLLIN, 0};
    if (terminal_) {
      if (terminal_->wants_input()) fds[kInput] = {STDIN_FILENO, POLLIN, 0};
      const int write = terminal_->wants_to_write() ? POLLOUT : 0;
      if (output_open_) {
        fds[kMaster] = {terminal_->master(), static_cast<short>(POLLIN | write), 0};
      }
    }
    // SIGCHLD wakes it; nothing tells that the job came to the foreground.
    const int tick = terminal_ && !terminal_->held() ? kTerminalTick : -1;
    if (::poll(fds.data(), fds.size(), tick) <= 0) return;
    if (fds[kInput].revents != 0) terminal_->copy_input();
    if ((fds[kMaster].revents & POLLOUT) != 0) terminal_->flush_input();
    if ((fds[kMaster].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      output_open_ = terminal_->copy_output();
    }
    if (fds[kLink].revents != 0 && link_->command_stopped()) stop_with_the_command();
  }

  void stop_with_the_command() {
    output_open_ = output_open_ && terminal_->drain_output();
    terminal_->restore();
    stop_own_job();
    terminal_->job_continued();
    link_->go_on();
  }

  void answer(int signal) {
    if (signal == SIGCHLD) return;
    if (signal == SIGCONT) {
      if (terminal_) terminal_->job_continued();
      return;
    }
    if (signal == SIGWINCH) {
      if (terminal_) terminal_->copy_window_size();
      return;
    }
    if (signal == SIGTSTP) {
      if (terminal_) terminal_->restore();
      ::raise(SIGSTOP);  // returns at SIGCONT
      if (terminal_) terminal_->job_continued();
      return;
    }
    const pid_t group = terminal_ ? terminal_->foreground() : child_.pid();
    if (group > 0) ::kill(-group, signal);
  }

  Child& child_;
  std::optional<Terminal>& terminal_;
  std::optional<LeaderLink> link_;  // exactly when there is a terminal
  SignalWatch& signals_;
  bool output_open_ = true;
};

class LocalControl final : public BottleControl {
 public:
  Expected<ExitStatus> exec(const BottleRecord& bottle,
                            const std::vector<std::string>& command) override;
  Expected<std::string> tell_proxy(const BottleRecord&, const std::filesystem::path& runtime,
                                   const std::string& message) override {
    return ask_control(runtime / kControlName, message);
  }
  Expected<std::unique_ptr<PortDialer>> port_dialer(const BottleRecord& bottle) override {
    return enter_network(bottle);
  }
  // The kernel ends every process of a bottle with its launcher, and with them its namespaces.
  bool remove_left_overs(const BottleRecord& bottle) override { return remove_resources(bottle); }
  std::vector<Finding> examine(bool wanted) override;
};

Expected<ExitStatus> LocalControl::exec(const BottleRecord& bottle,
                                        const std::vector<std::string>& command) {
  auto environment = environment_of(bottle);
  if (!environment) return std::move(environment.error());
  SignalWatch signals;
  auto terminal = Terminal::open();
  if (!terminal) return std::move(terminal.error());
  Entry entry{.environment = std::move(*environment),
              .directory = bottle.workspace.string(),
              .command = command,
              .limits = bottle.process_limits,
              .terminal = terminal->has_value()};
  if (const char* term = std::getenv("TERM"); term != nullptr && entry.terminal) {
    entry.environment["TERM"] = term;
  }
  const Fd none;
  const Fd& agent_side = *terminal ? (*terminal)->agent_side() : none;
  std::optional<LeaderLink> link;
  Fd leader;
  if (*terminal) {
    auto made = LeaderLink::make(leader);
    if (!made) return std::move(made.error());
    link.emplace(std::move(*made));
  }
  auto child = enter(bottle, entry, agent_side, leader);
  if (!child) return std::move(child.error());
  if (*terminal) (*terminal)->agent_side().reset();
  leader.reset();
  return ExecLoop(*child, *terminal, std::move(link), signals).run();
}

Finding examine_namespaces() {
  Finding out{.name = "user namespaces"};
  if (auto possible = probe_namespaces(); !possible) {
    out.status = Finding::Status::kFailed;
    out.detail = possible.error().message;
    out.hint = possible.error().hint;
  } else {
    out.detail = "this user can make them";
  }
  return out;
}

Finding examine_bubblewrap() {
  const std::string wanted = std::to_string(kOldestMajor) + "." + std::to_string(kOldestMinor);
  Finding out{.name = "bubblewrap"};
  const auto program = find_program("bwrap", kToolPath);
  if (!program) {
    out.status = Finding::Status::kFailed;
    out.detail = "bwrap was not found in " + std::string(kToolPath);
    out.hint = "install it: apt install bubblewrap, or dnf install bubblewrap";
    return out;
  }
  const auto said = output_of({*program, "--version"}, std::chrono::seconds(5));
  int major = -1;
  int minor = -1;
  if (said.status != 0 || std::sscanf(said.text.c_str(), "bubblewrap %d.%d", &major, &minor) != 2) {
    out.status = Finding::Status::kFailed;
    out.detail = *program + " does not say its version";
    out.hint = "does `" + *program + " --version` work?";
    return out;
  }
  out.detail = *program + ", version " + std::to_string(major) + "." + std::to_string(minor);
  if (major == kOldestMajor && minor < kOldestMinor) {
    out.status = Finding::Status::kFailed;
    out.hint = "version " + wanted + " or later is needed";
  }
  return out;
}

std::vector<Finding> LocalControl::examine(bool wanted) {
  std::vector<Finding> out{examine_namespaces(), examine_bubblewrap()};
  for (auto& finding : out) {
    if (!wanted && finding.status == Finding::Status::kFailed) {
      finding.status = Finding::Status::kWarning;
    }
  }
  return out;
}

}  // namespace

std::unique_ptr<BottleControl> make_local_control() { return std::make_unique<LocalControl>(); }

}  // namespace bottle::launcher::local
