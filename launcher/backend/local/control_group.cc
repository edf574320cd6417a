#include "launcher/backend/local/control_group.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

#include "launcher/process/command_output.h"
#include "launcher/process/process.h"

namespace bottle::launcher::local {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kSystemdLimit{5};
constexpr std::chrono::seconds kRemoveLimit{2};
constexpr std::chrono::milliseconds kBetweenLooks{5};

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool has_word(const std::string& text, const std::string& word) {
  std::istringstream in(text);
  for (std::string one; in >> one;) {
    if (one == word) return true;
  }
  return false;
}

bool put(const fs::path& file, const std::string& text) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The group of a process, as a path within the tree; empty if it cannot be seen.
fs::path group_of(const fs::path& proc, const std::string& process) {
  std::ifstream in(proc / process / "cgroup");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("0::/") || line.find("/..") != std::string::npos) continue;
    return line.substr(3);
  }
  return {};
}

// Of `wanted`, the limits whose controllers `hands_on` names.
ResourceLimits kept_by(const std::string& hands_on, const ResourceLimits& wanted) {
  ResourceLimits out;
  if (has_word(hands_on, "memory")) out.memory = wanted.memory;
  if (has_word(hands_on, "cpu")) out.cpus = wanted.cpus;
  if (has_word(hands_on, "pids")) out.pids = wanted.pids;
  return out;
}

int count(const ResourceLimits& limits) {
  return (limits.memory ? 1 : 0) + (limits.cpus ? 1 : 0) + (limits.pids ? 1 : 0);
}

std::optional<GroupPlace> place_in(const fs::path& parent, const ResourceLimits& wanted) {
  const GroupPlace out{parent, kept_by(text_of(parent / "cgroup.subtree_control"), wanted)};
  // Moving a process needs both.
  const bool writable =
      ::access(parent.c_str(), W_OK) == 0 && ::access((parent / "cgroup.procs").c_str(), W_OK) == 0;
  if (!writable || !out.kept.any()) return std::nullopt;
  return out;
}

// A group that has processes of its own cannot do it; the kernel then refuses.
void hand_controllers_on(const fs::path& group) {
  const std::string all = text_of(group / "cgroup.controllers");
  for (const char* name : {"memory", "cpu", "pids"}) {
    if (has_word(all, name) && !has_word(text_of(group / "cgroup.subtree_control"), name)) {
      put(group / "cgroup.subtree_control", std::string("+") + name);
    }
  }
}

bool set_limits(const fs::path& group, const ResourceLimits& limits) {
  if (limits.memory) {
    if (!put(group / "memory.max", std::to_string(*limits.memory))) return false;
    // As for a container: what does not fit is not moved to the disk. Kernels may have no swap.
    const bool swaps = ::access((group / "memory.swap.max").c_str(), F_OK) == 0;
    if (swaps && !put(group / "memory.swap.max", "0")) return false;
  }
  constexpr unsigned kPeriod = 100'000;  // µs
  if (limits.cpus && !put(group / "cpu.max", std::to_string(*limits.cpus * (kPeriod / 100)) + " " +
                                                 std::to_string(kPeriod))) {
    return false;
  }
  return !limits.pids || put(group / "pids.max", std::to_string(*limits.pids));
}

// Null: there is no systemd that could be asked.
std::optional<std::vector<std::string>> systemd_call(const std::string& method) {
  const auto busctl = find_program("busctl", "/usr/bin:/bin");
  if (!busctl || ::access("/run/systemd/system", F_OK) != 0) return std::nullopt;
  return std::vector<std::string>{*busctl,
                                  ::getuid() == 0 ? "--system" : "--user",
                                  "--timeout=" + std::to_string(kSystemdLimit.count()),
                                  "call",
                                  "org.freedesktop.systemd1",
                                  "/org/freedesktop/systemd1",
                                  "org.freedesktop.systemd1.Manager",
                                  method};
}

bool succeeds(const std::vector<std::string>& call) {
  return output_of(call, kSystemdLimit + std::chrono::seconds(1)).status == 0;
}

}  // namespace

std::optional<GroupTree> group_tree(const fs::path& proc) {
  const fs::path own = group_of(proc, "self");
  if (own.empty()) return std::nullopt;
  std::ifstream in(proc / "self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    // Fields 4 and 5 are the root of the mount in its file system, and where it is (proc(5)).
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::array<std::string, 5> field;
    for (auto& one : field) fields >> one;
    if (field[3] == "/") return GroupTree{field[4], own};
  }
  return std::nullopt;
}

std::optional<GroupPlace> find_group_place(const GroupTree& tree, const ResourceLimits& wanted) {
  const fs::path own = tree.mount / tree.own.relative_path();
  hand_controllers_on(own);
  const auto below = place_in(own, wanted);
  const auto beside =
      tree.own == "/" ? std::nullopt : place_in((own / ".").parent_path().parent_path(), wanted);
  if (!below || (beside && count(beside->kept) > count(below->kept))) return beside;
  return below;
}

bool make_group(const fs::path& group, const ResourceLimits& limits, pid_t pid) {
  if (::mkdir(group.c_str(), 0755) != 0) return false;
  if (set_limits(group, limits) && put(group / "cgroup.procs", std::to_string(pid))) return true;
  const int problem = errno;
  remove_group(group);
  errno = problem;
  return false;
}

bool remove_group(const fs::path& group) {
  const auto until = Clock::now() + kRemoveLimit;
  for (bool killed = false;; killed = true) {
    if (::rmdir(group.c_str()) == 0 || errno == ENOENT) return true;
    if (errno != EBUSY || Clock::now() >= until) return false;
    // A process that ended counts until it was reaped.
    if (!killed) put(group / "cgroup.kill", "1");
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

std::optional<ResourceLimits> make_scope(const std::string& scope, const ResourceLimits& limits,
                                         pid_t pid) {
  const auto tree = group_tree();
  auto call = systemd_call("StartTransientUnit");
  if (!tree || !call) return std::nullopt;
  std::vector<std::string> properties{"PIDs", "au", "1", std::to_string(pid),
                                      // So that further processes can be put in it.
                                      "Delegate", "b", "true", "CollectMode", "s",
                                      "inactive-or-failed"};
  int number = 3;
  const auto property = [&](const char* name, std::uint64_t value) {
    properties.insert(properties.end(), {name, "t", std::to_string(value)});
    ++number;
  };
  if (limits.memory) {
    property("MemoryMax", *limits.memory);
    property("MemorySwapMax", 0);
  }
  if (limits.cpus) property("CPUQuotaPerSecUSec", std::uint64_t{*limits.cpus} * 10'000);
  if (limits.pids) property("TasksMax", *limits.pids);
  call->insert(call->end(), {"ssa(sv)a(sa(sv))", scope, "fail", std::to_string(number)});
  call->insert(call->end(), properties.begin(), properties.end());
  call->emplace_back("0");
  if (!succeeds(*call)) return std::nullopt;
  // The answer is about a job that may still run.
  for (const auto until = Clock::now() + kSystemdLimit; Clock::now() < until;
       std::this_thread::sleep_for(kBetweenLooks)) {
    const fs::path group = group_of("/proc", std::to_string(pid));
    if (group.filename() != scope) continue;
    return kept_by(text_of(tree->mount / group.relative_path() / "cgroup.controllers"), limits);
  }
  return std::nullopt;
}

bool join_scope(const std::string& scope, pid_t pid) {
  auto call = systemd_call("AttachProcessesToUnit");
  if (!call) return false;
  call->insert(call->end(), {"ssau", scope, "/", "1", std::to_string(pid)});
  return succeeds(*call);
}

}  // namespace bottle::launcher::local
