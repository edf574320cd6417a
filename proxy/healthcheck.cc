#include "proxy/healthcheck.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "proxy/http/authority.h"

namespace bottle {
namespace {

constexpr timeval kLimit{.tv_sec = 5, .tv_usec = 0};

Failure unwell(std::string detail) { return Failure(Code::ConnectFailed, std::move(detail)); }

struct Socket {
  int fd = -1;
  Socket() = default;
  explicit Socket(int number) : fd(number) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

// The first line of what the peer says, or what it said before it fell silent.
std::string first_line(int fd) {
  std::string line;
  std::array<char, 256> chunk{};
  while (line.size() < 1024 && line.find('\n') == std::string::npos) {
    const ssize_t n = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (n <= 0) break;
    line.append(chunk.data(), static_cast<std::size_t>(n));
  }
  return line.substr(0, line.find_first_of("\r\n"));
}

}  // namespace

Result<void> healthcheck(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const std::string whole(url);
  if (!url.starts_with(kScheme)) return unwell("'" + whole + "' is no http://HOST:PORT[/PATH]");
  url.remove_prefix(kScheme.size());
  const std::size_t slash = url.find('/');
  const std::string path = slash == std::string_view::npos ? "/" : std::string(url.substr(slash));
  const auto where = parse_authority(url.substr(0, slash), 80);
  if (!where || path.find_first_of(" \r\n") != std::string::npos) {
    return unwell("'" + whole + "' is no http://HOST:PORT[/PATH]");
  }

  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(where->port);
  if (::getaddrinfo(where->host.c_str(), port.c_str(), &wanted, &list) != 0) {
    return unwell(where->host + " is not known");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  const Socket socket(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.fd < 0) return unwell("no socket");
  ::setsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, &kLimit, sizeof kLimit);
  ::setsockopt(socket.fd, SOL_SOCKET, SO_SNDTIMEO, &kLimit, sizeof kLimit);
  if (::connect(socket.fd, list->ai_addr, list->ai_addrlen) != 0) {
    return unwell(whole + ": " + std::strerror(errno));
  }
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + where->host + ":" + port +
                              "\r\nConnection: close\r\n\r\n";
  if (::send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return unwell(whole + " takes no request");
  }
  const std::string line = first_line(socket.fd);
  const bool answers = line.starts_with("HTTP/1.") && line.size() > 9;
  if (!answers || line[9] < '2' || line[9] > '4') {
    return unwell(whole + (line.empty() ? " does not answer" : " answers: " + line.substr(0, 80)));
  }
  return {};
}

}  // namespace bottle
