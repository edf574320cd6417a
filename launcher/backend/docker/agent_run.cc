#include "launcher/backend/docker/agent_run.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "launcher/process/log_tail.h"

namespace bottle::launcher::docker {
namespace {

using Clock = std::chrono::steady_clock;
// From a SIGTERM or SIGHUP to the launcher until the bottle is killed.
constexpr std::chrono::seconds kGrace{10};
constexpr int kStartTick = 100;  // ms, until the agent runs
constexpr int kTick = 500;       // ms, for kill_at_ alone; everything else wakes the wait

// The docker program makes the terminal raw; if it is killed, only this object puts it back.
class TerminalKeeper {
 public:
  explicit TerminalKeeper(bool terminal)
      : kept_(terminal && ::tcgetattr(STDIN_FILENO, &before_) == 0) {}
  TerminalKeeper(const TerminalKeeper&) = delete;
  TerminalKeeper& operator=(const TerminalKeeper&) = delete;
  ~TerminalKeeper() {
    if (kept_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
  bool kept_;
};

// As the engine names it in `docker kill --signal`.
std::optional<std::string> name_of(int signal) {
  switch (signal) {
    case SIGINT:
      return "INT";
    case SIGTERM:
      return "TERM";
    case SIGHUP:
      return "HUP";
    case SIGQUIT:
      return "QUIT";
    case SIGUSR1:
      return "USR1";
    case SIGUSR2:
      return "USR2";
    default:
      return std::nullopt;  // SIGCHLD is ours; the others are about the terminal
  }
}

class Session {
 public:
  Session(const Engine& engine, const Plan& plan, BottleContainers& containers,
          const std::filesystem::path& state, SignalWatch& signals,
          const std::function<void()>& running)
      : engine_(engine),
        plan_(plan),
        containers_(containers),
        state_(state),
        signals_(signals),
        running_(running),
        name_(Names(plan.id).agent) {}

  Expected<ExitStatus> run() {
    const TerminalKeeper terminal(containers_of(plan_).terminal);
    const auto step = make_step({StepId::kStartAgent}, plan_, Facts{});
    // With a terminal the docker program belongs to our process group: it reads the terminal and
    // hears of its size. Without one a Ctrl-C is ours to pass on, once.
    auto child = engine_.begin(step.call.arguments, {}, !containers_of(plan_).terminal);
    if (!child) return std::move(child.error());
    auto roots = refresh_roots();
    while (!child->ended()) {
      watch_helpers();
      if (!told_running_) look_whether_it_runs();
      pollfd fds{signals_.fd(), POLLIN, 0};
      ::poll(&fds, 1, !told_running_ ? kStartTick : kill_at_ ? kTick : -1);
      while (const auto signal = signals_.next()) answer(*signal);
      if (kill_at_ && Clock::now() >= *kill_at_) {
        if (asked_to_end_) {  // the engine does not let go of it: nothing more can be waited for
          child->stop(std::chrono::seconds(1));
          break;
        }
        tell({"kill", name_});
        asked_to_end_ = true;
        kill_at_ = Clock::now() + kGrace;
      }
    }
    if (lost_) return std::move(*lost_);
    return outcome(child->exit_status());
  }

 private:
  void tell(std::vector<std::string> command) {
    Call call;
    call.arguments = std::move(command);
    call.limit = kQuestionLimit;
    // When it fails the container has ended, or the engine is gone: both show by themselves.
    const auto told = engine_.ask(call, nullptr);
    static_cast<void>(told);
  }

  void look_whether_it_runs() {
    Call call;
    call.arguments = {"inspect", "--format", "{{.State.Status}}", name_};
    call.limit = kQuestionLimit;
    const auto answer = engine_.ask(call, nullptr);
    if (answer && answer->status == 0 && !answer->out.starts_with("created")) tell_running();
  }

  void tell_running() {
    if (!std::exchange(told_running_, true)) running_();
  }

  void answer(int signal) {
    const auto name = name_of(signal);
    if (!name) return;
    if ((signal == SIGTERM || signal == SIGHUP) && !kill_at_) kill_at_ = Clock::now() + kGrace;
    tell({"kill", "--signal", *name, name_});
  }

  void watch_helpers() {
    if (!lost_ && containers_.proxy().ended()) {
      const auto log = state_ / "proxy.log";
      lost_ =
          Error{ExitCode::kProxy,
                "bottle-proxy ended unexpectedly (status " +
                    std::to_string(containers_.proxy().exit_status()) +
                    "); the bottle is ended, since it can send nothing any more" + log_tail(log),
                "its log is " + log.string()};
      kill_at_ = Clock::now() + kGrace;
      tell({"kill", "--signal", "TERM", name_});
    }
    Child& pipelock = containers_.pipelock();
    if (pipelock && !pipelock_told_ && pipelock.ended()) {
      pipelock_told_ = true;
      const auto log = state_ / "pipelock.log";
      std::cerr << "bottle: warning: pipelock ended unexpectedly (status " << pipelock.exit_status()
                << "); every request is refused from now on" << log_tail(log) << "\n";
    }
  }

  // Programs that look for single certificates by hash (OpenSSL's directory) find the CA once the
  // image's own tool has run. The bundle file is there already, so nothing waits for it, and it may
  // come too late for a short command.
  std::optional<Child> refresh_roots() {
    if (!containers_.agent_has_root_tool()) return std::nullopt;
    const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    auto child =
        engine_.begin({"exec", "--detach", "--user", "0:0", name_, "update-ca-certificates"},
                      {{nothing.get(), 0}, {nothing.get(), 1}, {nothing.get(), 2}}, true);
    return child ? std::optional(std::move(*child)) : std::nullopt;
  }

  // The engine knows what became of the command; the docker program's own status is the same unless
  // the connection broke.
  Expected<ExitStatus> outcome(int status) {
    Call call;
    call.arguments = {"inspect", "--format",
                      "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Error}}",
                      name_};
    call.limit = kQuestionLimit;
    const auto answer = engine_.ask(call, nullptr);
    if (!answer || answer->status != 0) {
      return Error{ExitCode::kEngine,
                   "the engine was lost while the bottle ran: " +
                       (answer ? answer->words : answer.error().message),
                   "does `docker info` answer?"};
    }
    std::istringstream in(answer->out);
    std::string state;
    std::string out_of_memory;
    std::string error;
    int code = 0;
    in >> state >> code >> out_of_memory;
    std::getline(in, error);
    if (state == "running") {
      return Error{ExitCode::kEngine,
                   "the connection to the engine broke while the bottle ran (docker ended with "
                   "status " +
                       std::to_string(status) + ")",
                   "the bottle is removed"};
    }
    if (state == "created") {
      // It never ran. 126 and 127 are the command's, as a shell has them.
      const bool commands = code == 126 || code == 127;
      return Error{commands ? static_cast<ExitCode>(code) : ExitCode::kEngine,
                   "the command could not be started: " + one_line(error),
                   commands ? "it must be in the image " + containers_of(plan_).image : ""};
    }
    tell_running();
    if (out_of_memory == "true") {
      std::cerr << "bottle: warning: the bottle ran out of memory (" << agent_memory(plan_)
                << "); a process of it was killed\n";
    }
    return ExitStatus{code};
  }

  const Engine& engine_;
  const Plan& plan_;
  BottleContainers& containers_;
  const std::filesystem::path& state_;
  SignalWatch& signals_;
  const std::function<void()>& running_;
  bool told_running_ = !running_;
  std::string name_;
  std::optional<Clock::time_point> kill_at_;
  bool asked_to_end_ = false;
  bool pipelock_told_ = false;
  std::optional<Error> lost_;
};

}  // namespace

Expected<ExitStatus> run_agent(const Engine& engine, const Plan& plan, BottleContainers& containers,
                               const std::filesystem::path& state, SignalWatch& signals,
                               const std::function<void()>& running) {
  return Session(engine, plan, containers, state, signals, running).run();
}

}  // namespace bottle::launcher::docker
