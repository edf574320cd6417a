#include "proxy/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace bottle {
namespace {

constexpr int kBacklog = 1024;

Failure failed(std::string detail) {
  return Failure(Code::Internal, std::move(detail), "cannot_listen");
}

// Where `fd` listens, into `out`.
Result<void> describe(int fd, Listeners& out) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return failed(std::string("the listening socket has no address: ") + std::strerror(errno));
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    out.host = text.data();
    out.port = ntohs(v4->sin_port);
    return {};
  }
  if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    out.host = text.data();
    out.port = ntohs(v6->sin6_port);
    return {};
  }
  return failed("the listening socket is neither IPv4 nor IPv6");
}

Result<int> bind_one(const std::string& host, std::uint16_t port) {
  sockaddr_storage address{};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    size = sizeof *v6;
  } else {
    return failed("'" + host + "' is no IP address to listen at");
  }
  const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(std::string("no socket: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) return fd;
  const int error = errno;
  ::close(fd);
  std::string why = "cannot listen at " + host + ":" + std::to_string(port) + ": ";
  why += std::strerror(error);
  if (error == EADDRINUSE) why += "; another program has the port, or choose port 0 for a free one";
  if (error == EADDRNOTAVAIL) why += "; this machine does not have that address";
  if (error == EACCES) why += "; ports below 1024 need privileges";
  return failed(std::move(why));
}

Result<int> adopt(int given) {
  int listening = 0;
  socklen_t size = sizeof listening;
  const bool socket =
      ::getsockopt(given, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1;
  if (!socket) {
    return failed("fd:" + std::to_string(given) +
                  " is no listening socket; it has to be inherited, bound and listening");
  }
  const int fd = ::fcntl(given, F_DUPFD_CLOEXEC, 3);
  if (fd < 0) return failed(std::string("fd: cannot be duplicated: ") + std::strerror(errno));
  return fd;
}

}  // namespace

Result<Listeners> open_listeners(const Listen& listen, unsigned workers) {
  Listeners out;
  if (listen.fd) {
    // One queue for all workers; whoever is idle takes the next connection.
    for (unsigned i = 0; i < workers; ++i) {
      auto fd = adopt(*listen.fd);
      if (!fd) return fd.error();
      out.descriptors.push_back(*fd);
    }
    auto described = describe(out.descriptors.front(), out);
    if (!described) return described.error();
    ::close(*listen.fd);
    return out;
  }
  auto first = bind_one(listen.host, listen.port);
  if (!first) return first.error();
  out.descriptors.push_back(*first);
  auto described = describe(*first, out);
  if (!described) return described.error();
  if (::listen(*first, kBacklog) != 0) {
    return failed("cannot listen at " + out.host + ":" + std::to_string(out.port) + ": " +
                  std::strerror(errno) + "; another program has the port");
  }
  for (unsigned i = 1; i < workers; ++i) {
    const int fd = ::fcntl(*first, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return failed(std::string("no descriptor: ") + std::strerror(errno));
    out.descriptors.push_back(fd);
  }
  return out;
}

std::size_t connection_budget(std::size_t configured) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return configured;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return configured;
  const auto budget = static_cast<std::size_t>(limit.rlim_cur) / 10 * 4;
  return std::max<std::size_t>(1, std::min(configured, budget));
}

}  // namespace bottle
