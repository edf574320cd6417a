#include "launcher/backend/local/agent_room.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>

#include "launcher/backend/local/call_filter.h"
#include "launcher/backend/local/packed_words.h"
#include "launcher/backend/local/resource_group.h"
#include "launcher/backend/local/session_leader.h"
#include "proxy/contract/fd_message.h"

namespace bottle::launcher::local {
namespace {

constexpr int kArgumentsNumber = 4;

// Limits of a process in a message: memory and processes, 0 if there is none.
std::string packed_limits(const ResourceLimits& limits) {
  return packed(
      {std::to_string(limits.memory.value_or(0)), std::to_string(limits.pids.value_or(0))});
}

ResourceLimits unpacked_limits(const std::string& text) {
  const auto numbers = unpacked(text);
  ResourceLimits out;
  if (numbers.size() != 2) return out;
  if (const auto memory = std::stoull(numbers[0]); memory > 0) out.memory = memory;
  if (const auto pids = std::stoul(numbers[1]); pids > 0) out.pids = static_cast<unsigned>(pids);
  return out;
}

// The inner process. Messages from the launcher: the limits of a process with bwrap's status and
// argument descriptors, then the words to exec with, as descriptors, a terminal and its leader's
// link when there is one; see go_on().
int become_bubblewrap(int control) {
  const FdMessage bwraps = receive_message(control, kMaxMessage);
  const FdMessage words = receive_message(control, kMaxMessage);
  if (bwraps.fds.size() != 2 || words.text.empty()) return 0;  // the launcher gave up
  Launch launch;
  launch.argv = unpacked(words.text);
  launch.env = {"PATH=/usr/bin:/bin"};
  launch.fds = {{bwraps.fds[0].get(), AgentRoom::kStatusNumber},
                {bwraps.fds[1].get(), kArgumentsNumber}};
  if (words.fds.size() == 2) {
    for (int number = 0; number < 3; ++number) {
      launch.fds.emplace_back(words.fds.front().get(), number);
    }
    launch.fds.emplace_back(words.fds.back().get(), kLeaderNumber);
  }
  const ResourceLimits limits = unpacked_limits(bwraps.text);
  if (install_call_filter() && limit_process(limits)) errno = exec_now(launch);
  const std::string problem = std::string("bottle: cannot start bwrap: ") + std::strerror(errno);
  write_all(STDERR_FILENO, problem + "\n");
  return static_cast<int>(ExitCode::kIsolation);
}

// The only child of `parent`, by /proc.
pid_t child_of(pid_t parent) {
  const std::string wanted = "PPid:\t" + std::to_string(parent);
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ec)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream status(entry.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line == wanted) return static_cast<pid_t>(std::stol(name));
    }
  }
  return -1;
}

}  // namespace

void AgentRoom::kill_bottle() const {
  if (inner() > 0) ::kill(inner(), SIGKILL);
}

pid_t AgentRoom::first() const { return child_of(inner()); }

Expected<AgentRoom> AgentRoom::start(std::uint16_t port) {
  using Opens = Room::Opening::Kind;
  auto room = Room::make({{Opens::kListener, 1, port},
                          {Opens::kListener, 1, 443},
                          {Opens::kListener, 1, 80},
                          {Opens::kDatagrams, 1, 53}},
                         become_bubblewrap);
  if (!room) return std::move(room.error());
  return AgentRoom(std::move(*room));
}

Expected<AgentRoom::Sockets> AgentRoom::take_sockets() {
  auto all = room_.take_sockets();
  if (!all) return std::move(all.error());
  return Sockets{std::move((*all)[0]), std::move((*all)[1]), std::move((*all)[2]),
                 std::move((*all)[3])};
}

Expected<void> AgentRoom::go_on(const BubblewrapCall& call, const Fd& terminal, const Fd& link,
                                const Fd& report) {
  const Fd arguments(::memfd_create("bwrap-arguments", MFD_CLOEXEC));
  if (!arguments || !write_all(arguments.get(), packed(call.arguments)) ||
      ::lseek(arguments.get(), 0, SEEK_SET) != 0) {
    return system_error("cannot pass bwrap its arguments", errno);
  }
  std::vector<std::string> words{call.bwrap, "--args", std::to_string(kArgumentsNumber), "--"};
  words.insert(words.end(), call.command.begin(), call.command.end());
  const std::string text = packed(words);
  if (text.size() > kMaxMessage) {
    return Error{ExitCode::kUsage, "the command line is longer than 100 KiB",
                 "put it into a script in the workspace"};
  }
  const std::array<int, 2> first{report.get(), arguments.get()};
  const std::array<int, 2> second{terminal.get(), link.get()};
  if (!send_message(room_.control(), packed_limits(call.limits), first) ||
      !send_message(room_.control(), text, {second.data(), terminal ? second.size() : 0})) {
    return system_error("the bottle's first process is gone", errno, "", ExitCode::kIsolation);
  }
  return {};
}

}  // namespace bottle::launcher::local
