#include "launcher/command/bottles.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <vector>

#include "launcher/backend/bottle_control.h"
#include "launcher/lifetime/registry.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;
using Colour = Style::Colour;

std::int64_t now_in_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string words_of(const std::vector<std::string>& command) {
  std::string out;
  for (const auto& word : command) out += (out.empty() ? "" : " ") + word;
  return printable(out, 60);
}

struct Stopping {
  BottleRecord record;
  Fd launcher;
  bool ended = false;
};

struct Step {
  std::chrono::milliseconds at;
  int signal;
};
constexpr std::array kSteps{Step{std::chrono::milliseconds(0), SIGTERM},
                            Step{std::chrono::seconds(2), SIGHUP},
                            Step{std::chrono::seconds(25), SIGKILL}};
// The kernel needs no longer to end a killed process; one that hangs in a device might.
constexpr std::chrono::seconds kAfterKill{5};

// A launcher whose job is suspended would not notice: it is continued.
void send(const Stopping& one, int signal) {
  for (const int number : {signal, SIGCONT}) {
    ::syscall(SYS_pidfd_send_signal, one.launcher.get(), number, nullptr, 0);
  }
}

// Until `until`, or until all have ended (true).
bool wait_for_all(std::vector<Stopping>& bottles, Clock::time_point until) {
  for (;;) {
    std::vector<pollfd> fds;
    for (const auto& one : bottles) fds.push_back({one.ended ? -1 : one.launcher.get(), POLLIN, 0});
    if (std::all_of(fds.begin(), fds.end(), [](const pollfd& fd) { return fd.fd < 0; })) {
      return true;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    ::poll(fds.data(), fds.size(), static_cast<int>(left));
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents != 0) bottles[i].ended = true;
    }
  }
}

}  // namespace

Expected<int> run_list(const ListOptions& options, const Context& context) {
  context.reap();
  const auto bottles = living_bottles(runtime_base(context.around));
  const auto now = now_in_seconds();
  if (options.json) {
    auto json = nlohmann::ordered_json::array();
    for (const auto& one : bottles) {
      json.push_back({{"id", one.id},
                      {"backend", one.backend},
                      {"bottle", one.bottle},
                      {"command", one.command},
                      {"workspace", one.workspace.string()},
                      {"started", one.started},
                      {"up_seconds", std::max<std::int64_t>(now - one.started, 0)},
                      {"launcher_pid", one.launcher.pid},
                      {"audit", one.audit.string()}});
    }
    context.out << json.dump(2) << "\n";
    return 0;
  }
  if (options.quiet) {
    for (const auto& one : bottles) context.out << one.id << "\n";
    return 0;
  }
  std::vector<std::array<std::string, 5>> rows{{"ID", "BACKEND", "BOTTLE", "UP", "COMMAND"}};
  for (const auto& one : bottles) {
    rows.push_back({one.id, printable(one.backend), printable(one.bottle),
                    duration_words(now - one.started), words_of(one.command)});
  }
  std::array<std::size_t, 5> width{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      line += rows[r][i];
      if (i + 1 < rows[r].size()) line += std::string(width[i] - rows[r][i].size() + 2, ' ');
    }
    context.out << (r == 0 ? context.style.in(Colour::kFaint, line) : line) << "\n";
  }
  return 0;
}

Expected<void> check_stop(const StopOptions& options) {
  if (options.ids.empty() == options.all) return {};
  return usage_error(options.all ? "ids and --all are both given" : "which bottle?",
                     "bottle stop ID, or bottle stop --all; bottle list shows the ids");
}

Expected<int> run_stop(const StopOptions& options, const Context& context) {
  const auto base = runtime_base(context.around);
  std::vector<BottleRecord> wanted;
  if (options.all) wanted = living_bottles(base);
  for (const auto& id : options.ids) {
    auto found = find_bottle(base, id);
    if (!found) return std::move(found.error());
    const bool twice = std::any_of(wanted.begin(), wanted.end(), [&found](const BottleRecord& one) {
      return one.id == found->id;
    });
    if (!twice) wanted.push_back(std::move(*found));
  }
  if (wanted.empty() && !options.quiet) context.err << "bottle: no bottle is running\n";
  std::vector<Stopping> bottles;
  for (auto& record : wanted) {
    // Without a process it has ended since it was found.
    Fd launcher = open_process(record.launcher);
    const bool ended = !launcher;
    bottles.push_back({std::move(record), std::move(launcher), ended});
  }
  const auto begin = Clock::now();
  bool all = false;
  for (std::size_t i = 0; i < kSteps.size() && !all; ++i) {
    for (const auto& one : bottles) {
      if (!one.ended) send(one, kSteps[i].signal);
    }
    const auto until =
        begin + (i + 1 < kSteps.size() ? kSteps[i + 1].at : kSteps[i].at + kAfterKill);
    all = wait_for_all(bottles, until);
  }
  context.reap();
  std::string remain;
  for (const auto& one : bottles) {
    if (!one.ended) {
      remain += (remain.empty() ? "" : ", ") + one.record.id;
    } else if (!options.quiet) {
      context.out << one.record.id << "\n";
    }
  }
  if (remain.empty()) return 0;
  return Error{ExitCode::kSystem, "the kernel has not ended " + remain + " yet",
               "a process of it may wait for a disk or a network file system; bottle list shows "
               "whether it is gone"};
}

Expected<void> check_exec(const ExecOptions& options) {
  if (!options.command.empty()) return {};
  return usage_error("bottle exec needs a command", "example: bottle exec ID bash");
}

Expected<std::unique_ptr<Command>> read_bare_exec(const BareWords& words) {
  const std::size_t next = words.at + 1;
  if (next == words.arguments.size() || words.arguments[next].starts_with("-")) {
    return words.read(words.arguments);
  }
  auto dashed = words.arguments;
  dashed.insert(dashed.begin() + static_cast<std::ptrdiff_t>(next), "--");
  return words.read(dashed);
}

Expected<int> run_exec(const ExecOptions& options, const Context& context) {
  const auto found = find_bottle(runtime_base(context.around), options.id);
  if (!found) return found.error();
  for (const auto& entry : context.backends) {
    if (entry.name != found->backend) continue;
    const auto status = entry.control()->exec(*found, options.command);
    if (!status) return status.error();
    return status->value;
  }
  return Error{ExitCode::kIsolation,
               "this bottle command cannot enter bottles of the backend " + found->backend,
               "use the bottle command that started it"};
}

}  // namespace bottle::launcher
