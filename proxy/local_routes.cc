#include "proxy/local_routes.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "proxy/config/own_address.h"

namespace bottle {
namespace {

class NetlinkSocket {
 public:
  NetlinkSocket() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {}
  ~NetlinkSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

struct Question {
  nlmsghdr header{};
  rtmsg route{};
  rtattr attribute{};
  std::array<std::uint8_t, 16> address{};
};
static_assert(sizeof(Question) == NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(16));

Question question(const IpAddress& address) {
  const std::size_t bytes = address.v6 ? 16 : 4;
  Question ask;
  ask.header.nlmsg_len =
      static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(bytes));
  ask.header.nlmsg_type = RTM_GETROUTE;
  ask.header.nlmsg_flags = NLM_F_REQUEST;
  ask.route.rtm_family = address.v6 ? AF_INET6 : AF_INET;
  ask.route.rtm_dst_len = static_cast<unsigned char>(8 * bytes);
  ask.attribute.rta_type = RTA_DST;
  ask.attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(bytes));
  std::copy_n(address.bytes.begin(), bytes, ask.address.begin());
  return ask;
}

// No way there at all: whatever is there, it is not here.
bool is_unreachable(int error) { return error == ENETUNREACH || error == EHOSTUNREACH; }

std::optional<bool> answer(const char* bytes, std::size_t size) {
  nlmsghdr header{};
  if (size < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes, sizeof header);
  const char* const payload = bytes + NLMSG_HDRLEN;
  if (header.nlmsg_type == NLMSG_ERROR && size >= NLMSG_LENGTH(sizeof(nlmsgerr))) {
    nlmsgerr error{};
    std::memcpy(&error, payload, sizeof error);
    if (is_unreachable(-error.error)) return false;
    return std::nullopt;
  }
  if (header.nlmsg_type != RTM_NEWROUTE || size < NLMSG_LENGTH(sizeof(rtmsg))) return std::nullopt;
  rtmsg route{};
  std::memcpy(&route, payload, sizeof route);
  return route.rtm_type == RTN_LOCAL || route.rtm_type == RTN_BROADCAST ||
         route.rtm_type == RTN_ANYCAST;
}

std::optional<bool> routes_stay_here(const IpAddress& address) {
  const NetlinkSocket socket;
  if (socket.get() < 0) return std::nullopt;
  const Question ask = question(address);
  if (::send(socket.get(), &ask, ask.header.nlmsg_len, 0) < 0) return std::nullopt;
  // The kernel has answered before send() returns.
  std::array<char, 4096> bytes{};
  const ssize_t size = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0) return std::nullopt;
  return answer(bytes.data(), static_cast<std::size_t>(size));
}

}  // namespace

std::optional<bool> LocalRoutes::has(const IpAddress& address) const {
  const auto local = routes_stay_here(address);
  if (local) return local;
  const auto interfaces = interface_addresses();
  if (!interfaces) return std::nullopt;
  return std::find(interfaces->begin(), interfaces->end(), address) != interfaces->end();
}

}  // namespace bottle
