#pragma once

#include <poll.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "proxy/contract/fd.h"

namespace bottle {

// Carries bytes between two streams, both ways, without waiting, until both have ended. An end of
// one is passed on to the other, which may go on (half-close). At most kRoom bytes are held each
// way. The descriptors must not block.
class BytePump {
 public:
  static constexpr std::size_t kRoom = 32 * 1024;
  // A socket is one stream in both directions; standard input and output are two descriptors.
  struct Stream {
    Fd in;
    Fd out{};  // absent: `in` is a socket
  };

  BytePump(Stream left, Stream right);

  // The descriptors to wait for, and for what; those that need no wait have fd -1.
  static constexpr std::size_t kSlots = 4;
  void wanted(std::span<pollfd, kSlots> slots) const;
  // Moves bytes as far as both sides take them. False: it is over, or a stream broke.
  bool move();
  // True: the left stream has ended, and the right one has not.
  bool left_alone() const { return ways_[0].read_all && !ways_[1].ended; }

 private:
  struct Way {
    std::string held;
    bool read_all = false;  // the reader's end of file was seen
    bool ended = false;     // ... and passed on
  };
  bool carry(Way& way, const Fd& from, Stream& to);

  std::array<Stream, 2> streams_;
  std::array<Way, 2> ways_;  // from left to right, from right to left
};

// Begins to connect to this port of the machine itself, at 127.0.0.1 (attempt 0) or ::1 (attempt
// 1). The socket does not block; it can be written to, or has failed, once it is connected.
// Empty: errno.
inline constexpr unsigned kOwnAttempts = 2;
Fd dial_own_port(unsigned short port, unsigned attempt);
// Once the socket can be written to: 0, or the error with which the connection failed.
int connect_result(const Fd& socket);

}  // namespace bottle
