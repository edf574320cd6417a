#include "launcher/pipelock_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "launcher/log_tail.h"
#include "launcher/namespaces.h"
#include "launcher/pipelock_config.h"
#include "launcher/trust_env.h"

namespace bottle::launcher {
namespace {

constexpr std::chrono::seconds kHealthLimit{20};
constexpr int kAttempts = 3;  // another program may take the free port first

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// pipelock cannot take over a socket, so its port is one that was free a moment ago.
Result<std::uint16_t> free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!socket || ::bind(socket.get(), generic, size) != 0 ||
      ::getsockname(socket.get(), generic, &size) != 0) {
    return system_error("cannot find a free port", errno);
  }
  return ntohs(address.sin_port);
}

bool healthy(std::uint16_t port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const sockaddr_in address = loopback(port);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (!socket || ::connect(socket.get(), generic, sizeof address) != 0) return false;
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

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What pipelock trusts: the caller's roots, and the origin CA when there is one.
std::string roots_for(const Plan& plan) {
  std::string roots;
  if (const char* own = std::getenv("SSL_CERT_FILE"); own != nullptr) {
    roots = content_of(own);
  } else {
    for (const auto file : system_bundle_files()) {
      roots = content_of(file);
      if (!roots.empty()) break;
    }
  }
  if (plan.origin_ca) roots += "\n" + content_of(*plan.origin_ca);
  return roots;
}

std::string hosts_for(const PipelockPlan& plan) {
  std::string out = "127.0.0.1 localhost\n::1 localhost\n";
  for (const auto& [name, address] : plan.names) out += address + " " + name + "\n";
  return out;
}

bool bind_over(const std::string& file, const char* target) {
  if (!enter_user_namespace(CLONE_NEWNS)) return false;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return ::mount(file.c_str(), target, nullptr, MS_BIND, nullptr) == 0;
}

Result<void> wait_healthy(Child& child, std::uint16_t port, SignalWatch& signals) {
  const auto until = std::chrono::steady_clock::now() + kHealthLimit;
  while (!healthy(port)) {
    if (child.ended()) return Error{ExitCode::kScanner, "pipelock ended before it was ready", ""};
    if (std::chrono::steady_clock::now() >= until) {
      return Error{ExitCode::kScanner, "pipelock was not ready within 20 s", ""};
    }
    auto paused = pause_for(signals, std::chrono::milliseconds(50));
    if (!paused) return paused;
  }
  // Something answered; it was ours only if ours is still there.
  if (child.ended()) return Error{ExitCode::kScanner, "pipelock's port is someone else's", ""};
  return {};
}

}  // namespace

Result<RunningPipelock> start_pipelock(const Plan& plan, const std::filesystem::path& directory,
                                       const std::filesystem::path& state, SignalWatch& signals) {
  const auto config = directory / "pipelock.yaml";
  const auto roots = directory / "pipelock-roots.pem";
  const auto hosts = (directory / "pipelock-hosts").string();
  const auto log = state / "pipelock.log";
  for (const auto& [file, text] :
       {std::pair{roots, roots_for(plan)},
        std::pair{std::filesystem::path(hosts), hosts_for(*plan.pipelock)}}) {
    const Fd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out || !write_all(out.get(), text)) {
      return system_error("cannot write " + file.string(), errno);
    }
  }
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const Fd errors(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!nothing || !errors) return system_error("cannot write " + log.string(), errno);

  Launch launch;
  launch.argv = {plan.pipelock->binary, "run", "-c", config.string()};
  // An empty environment: whatever were in it, pipelock could take for a secret to look for.
  launch.env = {"SSL_CERT_FILE=" + roots.string(), "HOME=" + directory.string()};
  launch.fds = {{nothing.get(), 0}, {nothing.get(), 1}, {errors.get(), 2}};
  std::function<bool()> before_exec;
  if (!plan.pipelock->names.empty()) {
    before_exec = [&hosts] { return bind_over(hosts, "/etc/hosts"); };
  }

  Error last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto port = free_port();
    if (!port) return port.error();
    const Fd out(::open(config.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out || !write_all(out.get(), pipelock_config(*plan.pipelock, plan.id,
                                                      "127.0.0.1:" + std::to_string(*port),
                                                      state / "pipelock.jsonl"))) {
      return system_error("cannot write " + config.string(), errno);
    }
    auto child = spawn(launch, ExitCode::kScanner, before_exec);
    if (!child) return std::move(child.error());
    auto ready = wait_healthy(*child, *port, signals);
    if (ready) {
      return RunningPipelock{std::move(*child), "http://127.0.0.1:" + std::to_string(*port)};
    }
    last = std::move(ready.error());
    if (last.code != ExitCode::kScanner) return last;  // interrupted
  }
  last.message += log_tail(log);
  return last;
}

}  // namespace bottle::launcher
