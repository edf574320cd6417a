#pragma once

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstddef>

#include "proxy/base/bytes.h"

// The two system calls of the hot path: never wait, never raise SIGPIPE.
namespace bottle::socket_io {

enum class Took : unsigned char { Some, WouldBlock, End, Broken };

// Some: n > 0 bytes came. End: the peer sent FIN.
inline Took receive(int fd, ByteSpan into, std::size_t& n) noexcept {
  for (;;) {
    const ssize_t got = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) {
      n = static_cast<std::size_t>(got);
      return Took::Some;
    }
    if (got == 0) return Took::End;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Took::WouldBlock : Took::Broken;
  }
}

// Takes what was sent off the front of `data`, until it is empty (Some) or the socket is full.
inline Took send(int fd, ByteView& data) noexcept {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      data.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Took::WouldBlock : Took::Broken;
  }
  return Took::Some;
}

// True if a byte, an end or an error waits in the socket.
inline bool readable(int fd) noexcept {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0 ||
         (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace bottle::socket_io
