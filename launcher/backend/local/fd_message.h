#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "launcher/process/process.h"

namespace bottle::launcher::local {

// Messages with descriptors between the launcher and the processes that hold namespaces, over
// SOCK_SEQPACKET pairs.

inline constexpr std::size_t kMaxPassed = 24;  // descriptors of one message
inline constexpr std::size_t kMaxMessage =
    100 * 1024;  // a command line; socket messages are bounded

// False: errno.
bool send_message(int socket, const std::string& text, std::span<const int> fds);

struct Message {
  std::string text;  // empty: the other end is gone, or the time is up
  std::vector<Fd> fds;
  pid_t sender = -1;  // as numbered here; only with SO_PASSCRED
};
// Waits for it, unless `flags` has MSG_DONTWAIT.
Message receive_message(int socket, int flags = 0);

// Words in one text: a NUL after each.
std::string packed(const std::vector<std::string>& words);
std::vector<std::string> unpacked(const std::string& text);

}  // namespace bottle::launcher::local
