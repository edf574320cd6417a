#include "proxy/local_routes.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/ipv6.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace bottle {
namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

TEST(LocalRoutes, LoopbackIsTheMachinesOwnAndOthersAreNot) {
  const LocalRoutes routes;
  EXPECT_EQ(routes.has(address("127.0.0.1")), true);
  EXPECT_EQ(routes.has(address("127.200.0.1")), true) << "all of 127/8 is routed to it";
  EXPECT_EQ(routes.has(address("192.0.2.1")), false);
  EXPECT_EQ(routes.has(address("2001:db8::1")), false);
}

// ---- a network namespace of the test's own -----------------------------------------------------

// Brings up or changes the namespace's loopback interface, which may have any address.
bool set_v4(const char* alias, const char* text) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, alias, IFNAMSIZ - 1);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  ::inet_pton(AF_INET, text, &to.sin_addr);
  std::memcpy(&request.ifr_addr, &to, sizeof to);
  bool done = ::ioctl(socket, SIOCSIFADDR, &request) == 0;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  done = done && ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;
  ::close(socket);
  return done;
}

bool drop_v4(const char* alias) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, alias, IFNAMSIZ - 1);
  const bool done = ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;  // an alias goes when it is down
  ::close(socket);
  return done;
}

// News of the kernel's IPv6 routes, from here on.
int watch_v6_routes() {
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  sockaddr_nl here{};
  here.nl_family = AF_NETLINK;
  here.nl_groups = RTMGRP_IPV6_ROUTE;
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) return -1;
  return socket;
}

// The kernel makes the route of a new IPv6 address in a later moment, when it has seen that no
// other machine has the address.
bool wait_for_local_route(int news, const char* text) {
  in6_addr wanted{};
  ::inet_pton(AF_INET6, text, &wanted);
  alignas(nlmsghdr) std::array<char, 8192> block{};
  for (;;) {
    const ssize_t size = ::recv(news, block.data(), block.size(), 0);
    if (size <= 0) return false;
    const auto* header = reinterpret_cast<const nlmsghdr*>(block.data());
    if (header->nlmsg_type != RTM_NEWROUTE) continue;
    const auto* route = static_cast<const rtmsg*>(NLMSG_DATA(header));
    if (route->rtm_type != RTN_LOCAL) continue;
    const std::string_view rest(block.data(), static_cast<std::size_t>(size));
    const std::string_view address(reinterpret_cast<const char*>(&wanted), sizeof wanted);
    if (rest.find(address) != std::string_view::npos) return true;
  }
}

bool add_v6(const char* text) {
  const int news = watch_v6_routes();
  if (news < 0) return false;
  const int socket = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct in6_ifreq request{};
  ::inet_pton(AF_INET6, text, &request.ifr6_addr);
  request.ifr6_prefixlen = 128;
  request.ifr6_ifindex = static_cast<int>(::if_nametoindex("lo"));
  const bool done = ::ioctl(socket, SIOCSIFADDR, &request) == 0 && wait_for_local_route(news, text);
  ::close(socket);
  ::close(news);
  return done;
}

constexpr int kNoNamespace = 100;

// The number of the first thing that was not so, or 0.
int look_around() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return kNoNamespace;
  const LocalRoutes routes;
  if (routes.has(address("8.8.8.8")) != false) return 1;
  if (!set_v4("lo", "127.0.0.1") || !set_v4("lo:1", "8.8.8.8")) return kNoNamespace;
  if (routes.has(address("8.8.8.8")) != true) return 2;
  if (routes.has(address("9.9.9.9")) != false) return 3;  // the alias takes all of 8/8
  if (!drop_v4("lo:1")) return 4;
  if (routes.has(address("8.8.8.8")) != false) return 5;
  if (!add_v6("2606:4700::1111")) return 0;  // a machine without IPv6
  if (routes.has(address("2606:4700::1111")) != true) return 6;
  if (routes.has(address("2606:4700::1112")) != false) return 7;
  return 0;
}

TEST(LocalRoutes, PublicAddressOfAnInterfaceIsTheMachinesOwnWhileItIsThere) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(look_around());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoNamespace) {
    GTEST_SKIP() << "needs user and network namespaces";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace bottle
