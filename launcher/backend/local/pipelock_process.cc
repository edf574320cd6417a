#include "launcher/backend/local/pipelock_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "launcher/backend/local/local_backend.h"
#include "launcher/plan/pipelock_config.h"
#include "launcher/process/log_tail.h"
#include "proxy/contract/fd_message.h"

namespace bottle::launcher::local {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kHealthLimit{20};
constexpr milliseconds kHealthPause{5};
constexpr int kAnswerLimit = 2000;  // ms
constexpr std::uint16_t kFirstPort = 8888;

// As pipelock sees them.
constexpr const char* kDirectory = "/pipelock";
// Directories that programs need to run: pipelock is one static file, its stand-ins in tests are
// not.
constexpr std::array kSystem{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"};

struct OwnFile {
  const char* name;
  const char* at;
  std::string text;
};

std::vector<OwnFile> own_files(const Plan& plan) {
  PipelockPlan policy = *plan.pipelock;
  // Every name is at the exit. Addresses that the allowlist names are open as the plan says.
  policy.addresses.push_back(ScannerRoom::kExitAddress + std::string("/32"));
  const std::string listen = "127.0.0.1:" + std::to_string(pipelock_port(policy));
  return {
      {"pipelock.yaml", "/pipelock/pipelock.yaml",
       pipelock_config(policy, plan.id, listen, "/pipelock/log.jsonl")},
      {"pipelock-resolv.conf", "/etc/resolv.conf",
       std::string("nameserver ") + ScannerRoom::kExitAddress + "\n"},
      {"pipelock-hosts", "/etc/hosts", "127.0.0.1 localhost\n"},
      {"pipelock-nsswitch.conf", "/etc/nsswitch.conf", "hosts: files dns\n"},
  };
}

std::vector<std::string> bwrap_arguments(const Plan& plan, const fs::path& ca,
                                         const fs::path& directory, const fs::path& log) {
  std::vector<std::string> args{"--unshare-user",
                                "--unshare-ipc",
                                "--unshare-pid",
                                "--unshare-uts",
                                "--unshare-cgroup-try",
                                "--die-with-parent",
                                "--new-session",
                                "--cap-drop",
                                "ALL",
                                "--hostname",
                                "pipelock"};
  const auto add = [&args](std::initializer_list<std::string> words) {
    args.insert(args.end(), words);
  };
  if (::getuid() == 0) args.emplace_back("--disable-userns");
  add({"--dev", "/dev"});
  std::error_code ec;
  for (const fs::path path : kSystem) {
    if (fs::is_symlink(path, ec)) {
      add({"--symlink", fs::read_symlink(path, ec).string(), path.string()});
    } else if (fs::is_directory(path, ec)) {
      add({"--ro-bind", path.string(), path.string()});
    }
  }
  for (const auto& file : own_files(plan)) add({"--ro-bind", directory / file.name, file.at});
  const std::string own = kDirectory;
  add({"--ro-bind", std::get<ProcessPlan>(plan.made_of).pipelock, own + "/pipelock"});
  add({"--ro-bind", ca.string(), own + "/ca.pem"});
  add({"--bind", log.string(), own + "/log.jsonl"});
  add({"--remount-ro", "/", "--chdir", own, "--clearenv"});
  // Nothing more: whatever were in it, pipelock could take for a secret to look for.
  add({"--setenv", "SSL_CERT_FILE", own + "/ca.pem", "--setenv", "HOME", own});
  return args;
}

// One socket of the room, or none if it does not come.
Fd socket_of(const ScannerRoom& room) {
  const int broker = room.broker().get();
  if (!send_message(broker, kAskSocket, {})) return Fd();
  pollfd fds{broker, POLLIN, 0};
  if (::poll(&fds, 1, kAnswerLimit) <= 0) return Fd();
  FdMessage answer = receive_message(broker, kSocketGiven.size(), MSG_DONTWAIT);
  if (answer.fds.size() != 1) return Fd();
  return std::move(answer.fds.front());
}

bool healthy(const ScannerRoom& room, std::uint16_t port) {
  const Fd socket = socket_of(room);
  if (!socket) return false;
  ::fcntl(socket.get(), F_SETFL, 0);  // comes non-blocking
  const timeval limit{.tv_sec = kAnswerLimit / 1000, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), generic, sizeof address) != 0) return false;
  constexpr std::string_view kAsk =
      "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  if (!write_all(socket.get(), kAsk)) return false;
  // To the end, so that it does not find a reset connection in its log.
  std::string answer;
  std::array<char, 1024> chunk{};
  while (answer.size() < 64 * chunk.size()) {
    const auto got = ::read(socket.get(), chunk.data(), chunk.size());
    if (got <= 0) break;
    answer.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return answer.starts_with("HTTP/1.1 200");
}

Expected<void> wait_healthy(ScannerRoom& room, std::uint16_t port, SignalWatch& signals) {
  const auto until = std::chrono::steady_clock::now() + kHealthLimit;
  while (!healthy(room, port)) {
    if (room.child().ended()) {
      return Error{ExitCode::kScanner, "pipelock ended before it was ready", ""};
    }
    if (std::chrono::steady_clock::now() >= until) {
      return Error{ExitCode::kScanner, "pipelock was not ready within 20 s", ""};
    }
    auto paused = pause_for(signals, kHealthPause);
    if (!paused) return paused;
  }
  return {};
}

Expected<Fd> open_log(const fs::path& file) {
  Fd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!out) return system_error("cannot write " + file.string(), errno);
  return out;
}

}  // namespace

std::uint16_t pipelock_port(const PipelockPlan& plan) {
  std::uint16_t port = kFirstPort;
  const auto& taken = plan.exit_ports;
  while (std::find(taken.begin(), taken.end(), port) != taken.end()) ++port;
  return port;
}

Expected<void> start_pipelock(const Plan& plan, ScannerRoom& room, const fs::path& ca,
                              const fs::path& directory, const fs::path& state,
                              SignalWatch& signals) {
  const auto bwrap = find_program("bwrap", kToolPath);
  if (!bwrap) return Error{ExitCode::kIsolation, "bwrap was not found", ""};
  for (const auto& file : own_files(plan)) {
    const auto path = directory / file.name;
    const Fd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out || !write_all(out.get(), file.text)) {
      return system_error("cannot write " + path.string(), errno);
    }
  }
  const auto printed = state / "pipelock.log";
  const auto own_log = state / "pipelock.jsonl";
  auto log = open_log(printed);
  if (!log) return std::move(log.error());
  if (auto made = open_log(own_log); !made) return std::move(made.error());
  const std::string own = kDirectory;
  auto begun = room.go_on(*bwrap, bwrap_arguments(plan, ca, directory, own_log),
                          {own + "/pipelock", "run", "-c", own + "/pipelock.yaml"}, *log);
  if (!begun) return begun;
  auto ready = wait_healthy(room, pipelock_port(*plan.pipelock), signals);
  if (ready || ready.error().code != ExitCode::kScanner) return ready;
  const auto said = log_tail(printed);
  // A file that the kernel does not execute is pipelock's fault, all before that is the room's.
  const bool room_failed = room.child().ended() && !room.was_executed() &&
                           said.find("bwrap: execvp") == std::string::npos;
  if (room_failed) {
    ready.error() = {ExitCode::kIsolation,
                     "bubblewrap did not start pipelock:", "`bottle doctor` checks this machine"};
  }
  ready.error().message += said;
  return ready;
}

}  // namespace bottle::launcher::local
