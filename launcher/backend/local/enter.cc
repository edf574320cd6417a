#include "launcher/backend/local/enter.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "launcher/backend/local/call_filter.h"
#include "launcher/backend/local/resource_group.h"
#include "launcher/backend/local/session_leader.h"

namespace bottle::launcher::local {
namespace {

constexpr int kWordsNumber = 3;
constexpr std::string_view kOwnProgram = "bottle";
constexpr int kFirstNamespace = 6;  // and the following, in the order of kNamespaces
static_assert(kFirstNamespace > kLeaderNumber && kWordsNumber != kLeaderNumber);
constexpr std::size_t kMaxWords = 8 * 1024 * 1024;

struct NamespaceRow {
  const char* name;
  int flag;
  bool of_keeper;  // else of the bottle's first process
};

// In the order in which they are entered. The keeper's user namespace owns the network, and is
// above the one in which the agent lives: from there all others open, and the agent's own comes
// last because it has power over nothing.
constexpr std::array kNamespaces{
    NamespaceRow{"user", CLONE_NEWUSER, true},      NamespaceRow{"net", CLONE_NEWNET, false},
    NamespaceRow{"ipc", CLONE_NEWIPC, false},       NamespaceRow{"uts", CLONE_NEWUTS, false},
    NamespaceRow{"cgroup", CLONE_NEWCGROUP, false}, NamespaceRow{"pid", CLONE_NEWPID, false},
    NamespaceRow{"mnt", CLONE_NEWNS, false},        NamespaceRow{"user", CLONE_NEWUSER, false},
};

std::string proc(pid_t pid, const std::string& rest) {
  return "/proc/" + std::to_string(pid) + "/" + rest;
}

std::string pid_namespace(pid_t pid) {
  std::error_code ec;
  return std::filesystem::read_symlink(proc(pid, "ns/pid"), ec).string();
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> out;
  const std::string wanted = "PPid:\t" + std::to_string(parent);
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ec)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream status(entry.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line == wanted) out.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return out;
}

// The first process of the agent's own process namespace, once the bottle's files are mounted: then
// it has the command as its child.
std::optional<pid_t> first_process(pid_t keeper) {
  const auto outside = pid_namespace(keeper);
  for (const pid_t child : children_of(keeper)) {
    const auto inside = pid_namespace(child);
    if (!inside.empty() && inside != outside && !children_of(child).empty()) return child;
  }
  return std::nullopt;
}

// A copy of this program that cannot be changed.
Expected<Fd> sealed_copy() {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, Linux 6.3
  const Fd program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  Fd copy(::memfd_create("bottle", MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable));
  if (!copy) copy = Fd(::memfd_create("bottle", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!program || !copy) return system_error("cannot copy bottle into memory", errno);
  for (;;) {
    const auto moved = ::copy_file_range(program.get(), nullptr, copy.get(), nullptr, 1 << 30, 0);
    if (moved == 0) break;
    if (moved > 0) continue;
    // Not between these file systems; read and write do it.
    std::array<char, 64 * 1024> chunk{};
    for (;;) {
      const auto got = ::read(program.get(), chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error("cannot read bottle's own program", errno);
      if (got == 0) break;
      if (!write_all(copy.get(), {chunk.data(), static_cast<std::size_t>(got)})) {
        return system_error("cannot copy bottle into memory", errno);
      }
    }
    break;
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
      0) {
    return system_error("cannot seal the copy of bottle", errno);
  }
  return copy;
}

void append(std::string& out, const std::string& word) { out.append(word).push_back('\0'); }

// terminal, directory, limits of a process (0: none), number of variables, variables, words of the
// command.
std::string packed(const Entry& entry) {
  std::string out;
  append(out, entry.terminal ? "terminal" : "streams");
  append(out, entry.directory);
  append(out, std::to_string(entry.limits.memory.value_or(0)));
  append(out, std::to_string(entry.limits.pids.value_or(0)));
  append(out, std::to_string(entry.environment.size()));
  for (const auto& [name, value] : entry.environment) append(out, name + "=" + value);
  for (const auto& word : entry.command) append(out, word);
  return out;
}

struct Words {
  bool terminal = false;
  std::string directory;
  ResourceLimits limits;
  std::vector<std::string> environment;
  std::vector<std::string> command;
};

std::optional<Words> unpacked(int fd) {
  std::string text;
  std::array<char, 64 * 1024> chunk{};
  while (text.size() <= kMaxWords) {
    const auto got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\0', at);
    if (end == std::string::npos) return std::nullopt;
    all.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  constexpr std::size_t kFixed = 5;  // the words before the variables
  if (all.size() <= kFixed) return std::nullopt;
  const std::size_t variables = std::stoul(all[kFixed - 1]);
  if (variables >= all.size() - kFixed) return std::nullopt;
  ResourceLimits limits;
  if (const auto memory = std::stoull(all[2]); memory > 0) limits.memory = memory;
  if (const auto pids = std::stoul(all[3]); pids > 0) limits.pids = static_cast<unsigned>(pids);
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(kFixed);
  const auto command = first + static_cast<std::ptrdiff_t>(variables);
  return Words{all[0] == "terminal", all[1], limits, {first, command}, {command, all.end()}};
}

int complain(const std::string& what, int problem, ExitCode code) {
  write_all(STDERR_FILENO, "bottle: " + what + ": " + std::strerror(problem) + "\n");
  return static_cast<int>(code);
}

}  // namespace

bool give_up_privileges() {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return false;
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return ::syscall(SYS_capset, &header, none.data()) == 0 && install_call_filter();
}

namespace {

std::string path_in(const std::vector<std::string>& environment) {
  for (const auto& pair : environment) {
    if (pair.starts_with("PATH=")) return pair.substr(5);
  }
  return "/usr/bin:/bin";
}

// The process that becomes the command, inside.
int become(const Words& words, int parent_gone) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd gone{parent_gone, POLLIN, 0};
  if (::poll(&gone, 1, 0) != 0) return 1;
  if (!give_up_privileges()) {
    return complain("cannot give up privileges", errno, ExitCode::kIsolation);
  }
  if (::chdir(words.directory.c_str()) != 0 && ::chdir("/") != 0) {
    return complain("cannot enter " + words.directory, errno, ExitCode::kIsolation);
  }
  const std::string& name = words.command.front();
  auto program = find_program(name, path_in(words.environment));
  // This program goes along where bottle is not installed: the copy in memory that runs here.
  if (!program && name == kOwnProgram) program = "/proc/self/exe";
  if (!program) {
    std::error_code ec;
    const bool there = name.find('/') != std::string::npos && std::filesystem::exists(name, ec);
    const auto code = there ? ExitCode::kCommandNotRunnable : ExitCode::kCommandNotFound;
    return complain(name + " in the bottle", there ? EACCES : ENOENT, code);
  }
  Launch launch{.argv = words.command, .env = words.environment, .fds = {}};
  launch.argv.front() = *program;
  const auto run = [&launch, &name, &words] {
    // Last, since it holds for bottle's own program, too.
    if (!limit_process(words.limits)) {
      return complain("cannot limit the command", errno, ExitCode::kIsolation);
    }
    const int problem = exec_now(launch);
    return complain(name + " in the bottle", problem, ExitCode::kCommandNotRunnable);
  };
  return words.terminal ? lead_session(kLeaderNumber, run) : run();
}

int run_inside() {
  // The agent may not look into this process before it has become the command.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const auto words = unpacked(kWordsNumber);
  ::close(kWordsNumber);
  if (!words) return complain("cannot read what to run", EINVAL, ExitCode::kSystem);
  const pid_t caller = ::getppid();
  for (std::size_t i = 0; i < kNamespaces.size(); ++i) {
    const int fd = kFirstNamespace + static_cast<int>(i);
    if (::setns(fd, kNamespaces[i].flag) != 0) {
      return complain(
          std::string("cannot enter the bottle's ") + kNamespaces[i].name + " namespace", errno,
          ExitCode::kIsolation);
    }
    ::close(fd);
  }
  // The kernel may have taken both back with the change of credentials.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  keep_death_promise(caller);
  std::array<int, 2> alive{};
  if (::pipe2(alive.data(), O_CLOEXEC) != 0) {
    return complain("cannot make a pipe", errno, ExitCode::kSystem);
  }
  // A process namespace holds for children. The signals that reach the group are the command's.
  const pid_t child = ::fork();
  if (child < 0) return complain("cannot start a process", errno, ExitCode::kSystem);
  if (child == 0) {
    ::close(alive[1]);
    ::_exit(become(*words, alive[0]));
  }
  for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    ::signal(number, SIG_IGN);
  }
  for (const int number : {STDIN_FILENO, STDOUT_FILENO}) ::close(number);
  if (words->terminal) ::close(kLeaderNumber);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Expected<Child> enter(const BottleRecord& bottle, const Entry& entry, const Fd& terminal,
                      const Fd& link) {
  const Error ended{ExitCode::kUsage, "bottle " + bottle.id + " has ended",
                    "bottle list shows those that run"};
  const Error not_begun{ExitCode::kIsolation, "bottle " + bottle.id + " is still being started",
                        "try again in a moment"};
  if (bottle.keeper.pid <= 0) return not_begun;
  const Fd keeper = open_process(bottle.keeper);
  if (!keeper) return ended;
  const auto first = first_process(bottle.keeper.pid);
  if (!first) return not_begun;

  std::vector<Fd> open;
  Launch launch;
  for (const auto& row : kNamespaces) {
    const pid_t whose = row.of_keeper ? bottle.keeper.pid : *first;
    open.emplace_back(
        ::open(proc(whose, std::string("ns/") + row.name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!open.back()) {
      return system_error("cannot open the bottle's " + std::string(row.name) + " namespace", errno,
                          "", ExitCode::kIsolation);
    }
    launch.fds.emplace_back(open.back().get(), kFirstNamespace + static_cast<int>(open.size()) - 1);
  }
  // Numbers are used again only after the keeper ended: what was opened is the bottle's.
  pollfd gone{keeper.get(), POLLIN, 0};
  if (::poll(&gone, 1, 0) != 0) return ended;

  const Fd words(::memfd_create("bottle-words", MFD_CLOEXEC));
  if (!words || !write_all(words.get(), packed(entry)) || ::lseek(words.get(), 0, SEEK_SET) != 0) {
    return system_error("cannot pass the command on", errno);
  }
  auto copy = sealed_copy();
  if (!copy) return std::move(copy.error());
  const Fd program(::fcntl(copy->get(), F_DUPFD_CLOEXEC, 200));  // out of the way of the numbers
  launch.argv = {"/proc/self/fd/" + std::to_string(program.get()), kEnterWord};
  launch.env = {"PATH=/usr/bin:/bin"};
  launch.fds.emplace_back(words.get(), kWordsNumber);
  if (terminal) {
    for (int number = 0; number < 3; ++number) launch.fds.emplace_back(terminal.get(), number);
    launch.fds.emplace_back(link.get(), kLeaderNumber);
  }
  return spawn(launch, ExitCode::kIsolation, [&bottle] { return join_resources(bottle); });
}

void enter_main() {
  // Nothing is left to be flushed or freed, and whatever else an ordinary end runs would run with a
  // foot in each of two process namespaces: a leak check, for one, waits for ever there.
  ::_exit(run_inside());
}

}  // namespace bottle::launcher::local
