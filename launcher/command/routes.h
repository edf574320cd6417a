#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace bottle::launcher {

// A line of the kernel's table of IPv4 routes; addresses in host order.
struct Route4 {
  std::string device;
  std::uint32_t to = 0;
  std::uint32_t mask = 0;
  std::uint32_t router = 0;  // 0: its hosts are neighbours
};

// In the form of /proc/net/route.
std::vector<Route4> read_routes(std::istream& in);
std::vector<Route4> routes_of_this_namespace();

// The most special one, as the kernel takes it.
std::optional<Route4> route_for(const std::vector<Route4>& routes, std::uint32_t address);

// In the form of /proc/net/arp: a host answered for `address` (dotted) on `device`.
bool neighbour_known(std::istream& arp, const std::string& address, const std::string& device);

// Calls for the route's router and looks whether it is there. An engine may give a container a
// route through a router that does not exist: packets to it go nowhere. True when that cannot be
// told.
bool router_is_there(const Route4& route, std::chrono::milliseconds limit);

std::string dotted(std::uint32_t address);

}  // namespace bottle::launcher
