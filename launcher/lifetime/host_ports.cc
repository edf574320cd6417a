#include "launcher/lifetime/host_ports.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <tuple>

namespace bottle::launcher {
namespace {

constexpr std::string_view kNotePrefix = "ports-";
constexpr int kWaitingClients = 64;  // connections that the kernel holds while none is accepted

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

SocketAddress socket_address(const std::string& address, std::uint16_t port) {
  SocketAddress out;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    out.size = sizeof v4;
    std::copy_n(reinterpret_cast<const char*>(&v4), out.size, reinterpret_cast<char*>(&out.bytes));
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    out.size = sizeof v6;
    std::copy_n(reinterpret_cast<const char*>(&v6), out.size, reinterpret_cast<char*>(&out.bytes));
  }
  return out;
}

std::uint16_t number_of(const Fd& socket) {
  SocketAddress at;
  at.size = sizeof at.bytes;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at.bytes), &at.size) != 0) return 0;
  // The port is at the same place in both.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&at.bytes)->sin_port);
}

Error not_open(const PortRule& rule, const std::string& address, int problem) {
  const std::string where = place_of({rule, address});
  const std::string inside = std::to_string(rule.inside);
  Error out = system_error("port " + inside + " of the bottle cannot be opened at " + where,
                           problem, "", ExitCode::kUsage);
  if (problem == EADDRINUSE) {
    out.hint = "another program has that port: choose another one, " + inside + ":" +
               (rule.host < 60'000 ? std::to_string(rule.host + 1) : "8080") + ", or " + inside +
               ":0 for a free one";
  } else if (problem == EACCES) {
    out.hint = "choose a port from 1024 on, such as " + inside + ":8080";
  } else if (problem == EADDRNOTAVAIL) {
    out.hint = address + " is no address of this machine";
  }
  return out;
}

Expected<HostPort> open_port(const PortRule& rule, const std::string& address) {
  const auto at = socket_address(address, rule.host);
  HostPort out{.rule = rule, .address = address};
  out.listener = Fd(::socket(at.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.listener) return not_open(rule, address, errno);
  const int on = 1;
  const int fd = out.listener.get();
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (at.bytes.ss_family == AF_INET6) {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&at.bytes), at.size) != 0 ||
      ::listen(fd, kWaitingClients) != 0) {
    return not_open(rule, address, errno);
  }
  out.rule.host = number_of(out.listener);
  return out;
}

void read_note(const std::filesystem::path& file, std::vector<HostPort>& into) try {
  std::ifstream in(file);
  const auto json = nlohmann::json::parse(in);
  const ProcessMark holder{json.at("pid").get<pid_t>(), json.at("start").get<std::uint64_t>()};
  if (!open_process(holder)) return;
  for (const auto& one : json.at("ports")) {
    into.push_back(
        {.rule = {one.at("inside").get<std::uint16_t>(), one.at("host").get<std::uint16_t>()},
         .address = one.at("address").get<std::string>()});
  }
} catch (const nlohmann::json::exception&) {
  // It goes away at this moment, or is being written.
}

}  // namespace

std::string place_of(const HostPort& port) {
  const bool v6 = port.address.find(':') != std::string::npos;
  return (v6 ? "[" + port.address + "]" : port.address) + ":" + std::to_string(port.rule.host);
}

Expected<std::vector<HostPort>> open_ports(const std::vector<PortRule>& rules,
                                           const std::string& address) {
  std::vector<HostPort> out;
  for (const auto& rule : rules) {
    auto port = open_port(rule, address);
    if (!port) return std::move(port.error());
    out.push_back(std::move(*port));
  }
  return out;
}

std::string warning_about(const std::string& address) {
  if (is_loopback(address)) return "";
  return "every machine that reaches " + address +
         " can connect to the ports that are opened there, and the agent decides what answers";
}

Expected<PortNote> PortNote::write(const std::filesystem::path& runtime,
                                   const std::vector<HostPort>& ports) {
  const auto mark = mark_of(::getpid()).value_or(ProcessMark{});
  auto list = nlohmann::json::array();
  for (const auto& port : ports) {
    list.push_back(
        {{"inside", port.rule.inside}, {"host", port.rule.host}, {"address", port.address}});
  }
  const nlohmann::json json{{"pid", mark.pid}, {"start", mark.start}, {"ports", list}};
  PortNote out(runtime / (std::string(kNotePrefix) + std::to_string(mark.pid)));
  const Fd fd(
      ::open(out.file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd || !write_all(fd.get(), json.dump())) {
    return system_error("cannot write " + out.file_.string(), errno);
  }
  return out;
}

PortNote::~PortNote() {
  if (!file_.empty()) ::unlink(file_.c_str());
}

std::vector<HostPort> ports_of(const std::filesystem::path& runtime) {
  std::vector<HostPort> out;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(runtime, ec)) {
    if (entry.path().filename().string().starts_with(kNotePrefix)) read_note(entry.path(), out);
    if (out.size() >= kMaxListed) break;
  }
  std::sort(out.begin(), out.end(), [](const HostPort& a, const HostPort& b) {
    return std::tie(a.rule.inside, a.address, a.rule.host) <
           std::tie(b.rule.inside, b.address, b.rule.host);
  });
  return out;
}

}  // namespace bottle::launcher
