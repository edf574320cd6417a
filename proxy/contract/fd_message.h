#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/fd.h"

namespace bottle {

// Messages with descriptors over Unix sockets that keep messages apart (SOCK_SEQPACKET).

inline constexpr std::size_t kMaxPassed = 24;  // descriptors of one message

// `flags` as for sendmsg. False: errno.
bool send_message(int socket, std::string_view text, std::span<const int> fds, int flags = 0);

struct FdMessage {
  std::string text;  // empty: the other end is gone, or `error`
  std::vector<Fd> fds;
  pid_t sender = -1;  // as numbered here; only with SO_PASSCRED
  int error = 0;      // errno; EAGAIN: no message yet
};
// Waits for a message, unless `flags` has MSG_DONTWAIT. A text longer than `most_text` is cut. The
// descriptors are close-on-exec.
[[nodiscard]] FdMessage receive_message(int socket, std::size_t most_text, int flags = 0);

// The words between bottle-proxy and a broker of sockets in another network namespace, one message
// each way: kAskSocket is answered by kSocketGiven with one unconnected IPv4 TCP socket, or by
// kSocketNone without. Every answer is as good as any other, so workers and processes may share the
// descriptor.
inline constexpr std::string_view kAskSocket = "s";
inline constexpr std::string_view kSocketGiven = "s";
inline constexpr std::string_view kSocketNone = "n";

}  // namespace bottle
