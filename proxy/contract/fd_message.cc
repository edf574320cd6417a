#include "proxy/contract/fd_message.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace bottle {
namespace {

void take_descriptors(const cmsghdr& header, std::vector<Fd>& out) {
  const std::size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(&header) + i * sizeof(int), sizeof fd);
    out.emplace_back(fd);
  }
}

pid_t pid_of(const cmsghdr& header) {
  ucred sender{};
  std::memcpy(&sender, CMSG_DATA(&header), sizeof sender);
  return sender.pid;
}

}  // namespace

bool send_message(int socket, std::string_view text, std::span<const int> fds, int flags) {
  if (fds.size() > kMaxPassed) {
    errno = EINVAL;
    return false;
  }
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxPassed * sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = space.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(text.size());
}

FdMessage receive_message(int socket, std::size_t most_text, int flags) {
  FdMessage out;
  out.text.resize(most_text);
  iovec part{out.text.data(), out.text.size()};
  constexpr std::size_t kSpace = CMSG_SPACE(kMaxPassed * sizeof(int)) + CMSG_SPACE(sizeof(ucred));
  alignas(cmsghdr) std::array<char, kSpace> space{};
  // Before any descriptor is here: one that came and found no memory would never be closed.
  out.fds.reserve(kSpace / sizeof(int));
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) out.error = errno;
  out.text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got < 0) return out;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET) continue;
    if (at->cmsg_type == SCM_CREDENTIALS) out.sender = pid_of(*at);
    if (at->cmsg_type == SCM_RIGHTS) take_descriptors(*at, out.fds);
  }
  return out;
}

}  // namespace bottle
