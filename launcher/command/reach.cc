#include "launcher/command/reach.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "launcher/command/bottle_checks.h"
#include "launcher/command/routes.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using Status = Finding::Status;

constexpr std::size_t kMaxLooked = 5000;  // directory entries
constexpr int kMaxDepth = 4;
constexpr const char* kBroken =
    "the isolation is broken: do not let an agent run here, and tell the person who made this "
    "bottle";

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::optional<Address> address_of(const std::string& text, std::uint16_t port) {
  Address out;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.size = sizeof *v6;
  } else {
    return std::nullopt;
  }
  return out;
}

bool same_host(const Address& a, const Address& b) {
  if (a.storage.ss_family != b.storage.ss_family) return false;
  if (a.storage.ss_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in*>(&a.storage)->sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in*>(&b.storage)->sin_addr.s_addr;
  }
  return std::memcmp(&reinterpret_cast<const sockaddr_in6*>(&a.storage)->sin6_addr,
                     &reinterpret_cast<const sockaddr_in6*>(&b.storage)->sin6_addr,
                     sizeof(in6_addr)) == 0;
}

bool is_loopback(const Address& address) {
  if (address.storage.ss_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    return (ntohl(v4->sin_addr.s_addr) >> 24U) == 127;
  }
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr);
}

enum class Route { kNone, kInside, kOutside };

// Connecting a datagram socket looks the route up and sends nothing.
Route route_to(const Address& address) {
  const Fd socket(::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), address.get(), address.size) != 0) return Route::kNone;
  Address own;
  own.size = sizeof own.storage;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) {
    return Route::kOutside;
  }
  // From and to itself: it stays in this network namespace.
  return is_loopback(own) || same_host(own, address) ? Route::kInside : Route::kOutside;
}

struct Try {
  bool reached = false;
  std::string how{};
};

Try try_tcp(const Address& address) {
  const Fd socket(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return {false, std::strerror(errno)};
  int problem = 0;
  if (::connect(socket.get(), address.get(), address.size) != 0) problem = errno;
  if (problem == EINPROGRESS) {
    pollfd fds{socket.get(), POLLOUT, 0};
    if (::poll(&fds, 1, static_cast<int>(kTargetLimit.count())) <= 0) {
      return {false, "no answer"};
    }
    socklen_t size = sizeof problem;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
  }
  if (problem == 0) return {true, "it takes connections"};
  // From this namespace's own address it says that the port is closed; from another host, that the
  // host can be reached.
  if (problem == ECONNREFUSED && !is_loopback(address)) {
    return {true, "its host answers (the port is closed)"};
  }
  return {false, std::strerror(problem)};
}

// A name server answers this, and an echo service too: a question for the address of a name that
// does not exist (RFC 6761).
std::string dns_question() {
  std::string out{"\x42\x54\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12};
  for (const std::string_view label : {"doctor", "bottle", "invalid"}) {
    out += static_cast<char>(label.size());
    out += label;
  }
  out += std::string("\x00\x00\x01\x00\x01", 5);
  return out;
}

Try try_udp(const Address& address) {
  const Fd socket(::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), address.get(), address.size) != 0) {
    return {false, std::strerror(errno)};
  }
  const std::string question = dns_question();
  if (::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) {
    return {false, std::strerror(errno)};
  }
  pollfd fds{socket.get(), POLLIN, 0};
  if (::poll(&fds, 1, static_cast<int>(kTargetLimit.count())) <= 0) {
    // This end cannot tell whether it arrived; that it could be sent is bad enough.
    const bool leaves = route_to(address) == Route::kOutside;
    return {leaves, leaves ? "packets to it can be sent (nothing came back)" : "no answer"};
  }
  std::array<char, 512> answer{};
  if (::recv(socket.get(), answer.data(), answer.size(), MSG_DONTWAIT) >= 0) {
    return {true, "it answers"};
  }
  if (errno == ECONNREFUSED && !is_loopback(address)) {
    return {true, "its host answers (the port is closed)"};
  }
  return {false, std::strerror(errno)};
}

Try try_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {false, "the path is too long for a socket"};
  path.copy(address.sun_path, path.size());
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    const Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno == EAGAIN) {
      return {true, "it takes connections"};
    }
    if (errno != EPROTOTYPE) break;
  }
  return {false, std::strerror(errno)};
}

// The routers, and the first address of each network: what a container host has there.
std::set<std::string> gateways() {
  std::set<std::string> out;
  std::set<std::uint32_t> own;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) == 0) {
    for (const auto* at = list; at != nullptr; at = at->ifa_next) {
      if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
      own.insert(ntohl(reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr.s_addr));
    }
    ::freeifaddrs(list);
  }
  for (const auto& route : routes_of_this_namespace()) {
    if (route.device == "lo") continue;
    const auto add = [&](std::uint32_t host) {
      if (!own.contains(host)) out.insert(dotted(host));
    };
    if (route.router != 0) add(route.router);
    if (route.router == 0 && route.mask != 0 && route.mask != 0xffffffffU) add(route.to + 1);
  }
  return out;
}

Finding dead_or_not(const std::string& name, const Try& tried) {
  Finding out{.name = name};
  if (tried.reached) {
    out.status = Status::kFailed;
    out.detail = "it can be reached: " + tried.how;
    out.hint = kBroken;
  } else {
    out.detail = "dead: " + tried.how;
  }
  return out;
}

// The proxy's own host is a neighbour, and meant to be reached.
std::string proxy_host() {
  const char* url = std::getenv("HTTPS_PROXY");
  if (url == nullptr) return {};
  std::string text(url);
  if (const auto scheme = text.find("://"); scheme != std::string::npos) text.erase(0, scheme + 3);
  if (const auto at = text.rfind('@'); at != std::string::npos) text.erase(0, at + 1);
  return text.substr(0, text.find(':'));
}

Finding check_gateways(const Target& target) {
  Try worst;
  std::string tried;
  for (const auto& host : gateways()) {
    const auto address = address_of(host, target.port);
    if (host == proxy_host() || !address) continue;
    tried += (tried.empty() ? "" : ", ") + host;
    const auto one = try_tcp(*address);
    if (one.reached) return dead_or_not(target.name, {true, host + ": " + one.how});
    worst = {false, host + ": " + one.how};
  }
  if (tried.empty()) worst = {false, "there is no network but the loopback, or no neighbour in it"};
  return dead_or_not(target.name, worst);
}

Try judge_route(Route route, const Address& address, const Target& target) {
  if (route == Route::kInside) return {false, "what is sent to it stays in the bottle"};
  if (address.storage.ss_family == AF_INET) {
    const auto host =
        ntohl(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr.s_addr);
    const auto by = route_for(routes_of_this_namespace(), host);
    if (by && !router_is_there(*by, kTargetLimit)) {
      return {false, "the route to it leads to " + dotted(by->router) + ", which does not exist"};
    }
  }
  return {true, "there is a route to " + target.address + " (nothing was sent)"};
}

std::string status_field(const std::string& name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name + ":")) {
      const auto begin = line.find_first_not_of(" \t", name.size() + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  }
  return {};
}

}  // namespace

Finding check_target(const Target& target) {
  if (target.kind == Target::Kind::kGateway) return check_gateways(target);
  if (target.kind == Target::Kind::kUnix) return dead_or_not(target.name, try_unix(target.address));
  const auto address = address_of(target.address, target.port);
  if (!address) {
    return {.name = target.name,
            .status = Status::kFailed,
            .detail = "\"" + printable(target.address) + "\" is not an address",
            .hint = "targets are addresses, because a bottle has no name server"};
  }
  const auto route = route_to(*address);
  if (route == Route::kNone) return dead_or_not(target.name, {false, "there is no route to it"});
  if (target.route_only) return dead_or_not(target.name, judge_route(route, *address, target));
  return dead_or_not(target.name,
                     target.kind == Target::Kind::kTcp ? try_tcp(*address) : try_udp(*address));
}

Finding proxy_answers(const Context& context) {
  Finding out{.name = "the proxy"};
  const auto url = context.around.variable("HTTPS_PROXY").value_or("");
  const auto colon = url.rfind(':');
  const std::string host = proxy_host();
  const std::string digits = colon == std::string::npos ? "" : url.substr(colon + 1);
  const bool numeric = !digits.empty() && digits.size() <= 5 &&
                       digits.find_first_not_of("0123456789") == std::string::npos;
  if (host.empty() || !numeric) {
    out.status = Status::kFailed;
    out.detail = "HTTPS_PROXY does not name one: \"" + printable(url) + "\"";
    out.hint = "something removed or changed the bottle's variables; run this with them";
    return out;
  }
  const auto address = address_of(host, static_cast<std::uint16_t>(std::stoi(digits)));
  if (!address) {
    out.status = Status::kSkipped;
    out.detail = printable(host) + " is a name; the clients below show whether it works";
    return out;
  }
  const auto tried = try_tcp(*address);
  if (tried.reached && tried.how == "it takes connections") {
    out.detail = printable(host) + ":" + digits + " takes connections";
    return out;
  }
  out.status = Status::kFailed;
  out.detail = printable(host) + ":" + digits + " does not take connections: " + tried.how;
  out.hint = "bottle logs and the proxy's log tell why";
  return out;
}

Finding local_sockets_check(const std::vector<fs::path>& directories) {
  Finding out{.name = "sockets of the host and of a container engine"};
  std::size_t looked = 0;
  std::size_t sockets = 0;
  for (const auto& directory : directories) {
    std::error_code ec;
    fs::recursive_directory_iterator at(directory, fs::directory_options::skip_permission_denied,
                                        ec);
    for (; !ec && at != fs::recursive_directory_iterator(); at.increment(ec)) {
      if (++looked > kMaxLooked) break;
      if (at.depth() >= kMaxDepth) at.disable_recursion_pending();
      if (!at->is_socket(ec)) continue;
      ++sockets;
      if (!try_unix(at->path().string()).reached) continue;
      out.status = Status::kFailed;
      out.detail = printable(at->path().string()) + " takes connections";
      out.hint = "a socket of the host is a way around the proxy: remove the mount that brought it";
      return out;
    }
  }
  out.detail = sockets == 0 ? "there is none" : std::to_string(sockets) + " seen, all dead";
  return out;
}

Finding raw_sockets_check() {
  Finding out{.name = "raw sockets"};
  const Fd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  const int problem = errno;
  const Fd packet(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
  if (raw || packet) {
    out.status = Status::kFailed;
    out.detail = "they can be made";
    out.hint = "the agent must not have CAP_NET_RAW; is this the bottle's own user namespace?";
  } else {
    out.detail = std::string("dead: ") + std::strerror(problem);
  }
  return out;
}

Finding privileges_check() {
  Finding out{.name = "privileges"};
  const auto effective = status_field("CapEff");
  const auto bounding = status_field("CapBnd");
  const auto no_new = status_field("NoNewPrivs");
  const auto none = [](const std::string& set) {
    return !set.empty() && set.find_first_not_of('0') == std::string::npos;
  };
  if (!none(effective) || (!none(bounding) && no_new != "1")) {
    out.status = Status::kFailed;
    out.detail = "capabilities " + effective + ", may gain " + bounding;
    out.hint = "the agent should have none, and no_new_privs";
  } else {
    out.detail = "none, and no way to gain one";
  }
  return out;
}

}  // namespace bottle::launcher
