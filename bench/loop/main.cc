// bottle-bench-loop relays HTTP/1.1 between a client and an origin, and does nothing else: once
// with the project's coroutines over Asio, once with a loop and a task type of its own. The
// difference is what such a loop could save (docs/performance.md). One thread.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/loop/relay.h"

namespace relay {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

}  // namespace

int listen_and_tell() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || ::bind(fd, generic, size) != 0 || ::listen(fd, 1024) != 0 ||
      ::getsockname(fd, generic, &size) != 0) {
    std::perror("bottle-bench-loop");
    std::exit(1);
  }
  std::printf("127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

int dial(std::string_view address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = loopback(std::atoi(address.substr(address.rfind(':') + 1).data()));
  const int on = 1;
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    std::perror("bottle-bench-loop: the origin");
    std::exit(1);
  }
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace relay

int main(int count, char** words) {
  const std::string_view loop = count == 3 ? words[1] : "";
  if (loop != "asio" && loop != "epoll") {
    std::fprintf(stderr, "usage: bottle-bench-loop asio|epoll 127.0.0.1:PORT\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = relay::listen_and_tell();
  return loop == "asio" ? relay::run_with_asio(listener, words[2])
                        : relay::run_with_epoll(listener, words[2]);
}
