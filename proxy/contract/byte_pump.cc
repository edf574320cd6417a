#include "proxy/contract/byte_pump.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bottle {
namespace {

bool try_later() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

void close_output(BytePump::Stream& stream) {
  if (stream.out) {
    stream.out.reset();
  } else {
    ::shutdown(stream.in.get(), SHUT_WR);
  }
}

}  // namespace

BytePump::BytePump(Stream left, Stream right) : streams_{std::move(left), std::move(right)} {}

void BytePump::wanted(std::span<pollfd, kSlots> slots) const {
  for (std::size_t i = 0; i < 2; ++i) {
    const Way& way = ways_[i];
    const Stream& to = streams_[1 - i];
    const bool reads = !way.read_all && way.held.size() < kRoom;
    slots[2 * i] = {reads ? streams_[i].in.get() : -1, POLLIN, 0};
    const int out = to.out ? to.out.get() : to.in.get();
    slots[2 * i + 1] = {way.held.empty() ? -1 : out, POLLOUT, 0};
  }
}

// False: a stream broke.
bool BytePump::carry(Way& way, const Fd& from, Stream& to) {
  if (way.ended) return true;
  if (!way.read_all && way.held.size() < kRoom) {
    std::array<char, kRoom> chunk;  // not filled: this runs at each turn of the loop
    const auto got = ::read(from.get(), chunk.data(), kRoom - way.held.size());
    if (got > 0) way.held.append(chunk.data(), static_cast<std::size_t>(got));
    if (got == 0) way.read_all = true;
    if (got < 0 && !try_later()) return false;
  }
  if (!way.held.empty()) {
    const int out = to.out ? to.out.get() : to.in.get();
    const auto put = ::write(out, way.held.data(), way.held.size());
    if (put > 0) way.held.erase(0, static_cast<std::size_t>(put));
    if (put < 0 && !try_later()) return false;
  }
  if (way.read_all && way.held.empty()) {
    close_output(to);
    way.ended = true;
  }
  return true;
}

bool BytePump::move() {
  for (std::size_t i = 0; i < 2; ++i) {
    if (!carry(ways_[i], streams_[i].in, streams_[1 - i])) return false;
  }
  return !ways_[0].ended || !ways_[1].ended;
}

Fd dial_own_port(unsigned short port, unsigned attempt) {
  const int family = attempt == 0 ? AF_INET : AF_INET6;
  Fd out(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out) return out;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const auto* const address = attempt == 0 ? reinterpret_cast<const sockaddr*>(&v4)
                                           : reinterpret_cast<const sockaddr*>(&v6);
  const auto size = static_cast<socklen_t>(attempt == 0 ? sizeof v4 : sizeof v6);
  if (::connect(out.get(), address, size) != 0 && errno != EINPROGRESS) return Fd();
  return out;
}

int connect_result(const Fd& socket) {
  int problem = 0;
  socklen_t size = sizeof problem;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &problem, &size) != 0) return errno;
  return problem;
}

}  // namespace bottle
