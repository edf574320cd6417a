#include "proxy/listen/listener.h"

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
#include <limits>

namespace bottle {
namespace {

constexpr int kBacklog = 1024;

Error failed(std::string what) { return Error{ExitCode::kListen, std::move(what), ""}; }

struct BoundAddress {
  std::string host;
  std::uint16_t port = 0;
};

// Where `fd` is bound.
Expected<BoundAddress> bound_address(int fd) {
  BoundAddress out;
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
    return out;
  }
  if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    out.host = text.data();
    out.port = ntohs(v6->sin6_port);
    return out;
  }
  return failed("the listening socket is neither IPv4 nor IPv6");
}

Expected<int> bind_one(const std::string& host, std::uint16_t port, int type) {
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
  const int fd = ::socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(std::string("no socket: ") + std::strerror(errno));
  // For TCP it is about connections that are ending; for UDP it would let others have the port too.
  const int on = type == SOCK_STREAM ? 1 : 0;
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

Expected<int> duplicate(int given) {
  const int fd = ::fcntl(given, F_DUPFD_CLOEXEC, 3);
  if (fd < 0) return failed(std::string("no descriptor: ") + std::strerror(errno));
  return fd;
}

int option_of(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool is_listening(int fd) { return option_of(fd, SO_ACCEPTCONN) == 1; }

bool is_bound_datagram(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const bool connected = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
  const auto address = bound_address(fd);
  return option_of(fd, SO_TYPE) == SOCK_DGRAM && !connected && address && address->port != 0;
}

Expected<int> adopt(int given) {
  if (!is_listening(given)) {
    return failed("fd:" + std::to_string(given) +
                  " is no listening socket; it has to be inherited, bound and listening");
  }
  return duplicate(given);
}
}  // namespace

Expected<Listeners> open_listeners(const Listen& listen, unsigned workers) {
  auto first = listen.fd ? adopt(*listen.fd) : bind_one(listen.host, listen.port, SOCK_STREAM);
  if (!first) return first.error();
  Listeners out;
  out.descriptors.push_back(*first);
  auto address = bound_address(*first);
  if (!address) return address.error();
  out.host = std::move(address->host);
  out.port = address->port;
  if (!listen.fd && ::listen(*first, kBacklog) != 0) {
    return failed("cannot listen at " + out.host + ":" + std::to_string(out.port) + ": " +
                  std::strerror(errno) + "; another program has the port");
  }
  // One queue for all workers; an idle worker takes the next connection.
  for (unsigned i = 1; i < workers; ++i) {
    auto fd = duplicate(*first);
    if (!fd) return fd.error();
    out.descriptors.push_back(*fd);
  }
  if (listen.fd) ::close(*listen.fd);
  return out;
}

Expected<NameSocket> open_name_socket(const Listen& listen) {
  NameSocket out;
  if (listen.fd) {
    if (!is_bound_datagram(*listen.fd)) {
      return failed("fd:" + std::to_string(*listen.fd) +
                    " is no socket for DNS questions; it has " +
                    "to be inherited, UDP, bound and not connected");
    }
    auto fd = duplicate(*listen.fd);
    if (!fd) return fd.error();
    out.descriptor = *fd;
    ::close(*listen.fd);
  } else {
    auto fd = bind_one(listen.host, listen.port, SOCK_DGRAM);
    if (!fd) return fd.error();
    out.descriptor = *fd;
  }
  auto address = bound_address(out.descriptor);
  if (!address) return address.error();
  out.host = std::move(address->host);
  out.port = address->port;
  return out;
}

namespace {

// 40 % of the process's descriptors, of which it takes as many as it may.
std::size_t share_of_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::size_t>::max();
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return std::numeric_limits<std::size_t>::max();
  return static_cast<std::size_t>(limit.rlim_cur) / 10 * 4;
}

}  // namespace

std::size_t connection_budget(std::size_t configured) {
  return std::max<std::size_t>(1, std::min(configured, share_of_descriptors()));
}

std::size_t tunnel_budget(std::size_t configured) {
  // The clients' own are among the connections.
  return std::max<std::size_t>(1, std::min(configured, share_of_descriptors() / 4));
}

std::size_t origin_budget(std::size_t pools) {
  return std::max<std::size_t>(1, share_of_descriptors() / std::max<std::size_t>(1, pools));
}

}  // namespace bottle
