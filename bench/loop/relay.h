#pragma once

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <vector>

// Both relays do this with a request, so that only their loops differ: bytes in and out of sockets,
// and where a message ends. A message fits in one buffer; no other case is handled.
namespace relay {

constexpr std::size_t kBuffer = 16 * 1024;

enum class Took : unsigned char { Some, WouldBlock, Over };

struct Buffer {
  std::array<char, kBuffer> bytes;
  std::size_t size = 0;
  [[nodiscard]] std::string_view text() const { return {bytes.data(), size}; }
};

inline Took receive(int fd, Buffer& into) {
  const ssize_t got = ::recv(fd, into.bytes.data() + into.size, kBuffer - into.size, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EAGAIN ? Took::WouldBlock : Took::Over;
  into.size += static_cast<std::size_t>(got);
  return Took::Some;
}

// All of it: a loopback socket has room for so little.
inline bool send_all(int fd, std::string_view bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

// A head, and the body that its Content-Length tells, are there.
inline bool is_whole(std::string_view text) {
  const std::size_t head = text.find("\r\n\r\n");
  if (head == text.npos) return false;
  constexpr std::string_view kName = "Content-Length: ";
  const std::size_t name = text.substr(0, head).find(kName);
  std::size_t length = 0;
  if (name != text.npos) {
    const char* const from = text.data() + name + kName.size();
    std::from_chars(from, text.data() + head, length);
  }
  return text.size() >= head + 4 + length;
}

// Listens on a free port of loopback, and prints where.
int listen_and_tell();
// A connection to the origin.
int dial(std::string_view address);

int run_with_asio(int listener, std::string_view origin);
int run_with_epoll(int listener, std::string_view origin);

}  // namespace relay
