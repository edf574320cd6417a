#include "launcher/command/routes.h"

#include <gtest/gtest.h>

#include <sstream>

namespace bottle::launcher {
namespace {

constexpr const char* kTable =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t014DD50A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t004DD50A\t00000000\t0001\t0\t0\t0\tF0FFFFFF\t0\t0\t0\n"
    "broken\n";

std::uint32_t at(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24U | b << 16U | c << 8U | d;
}

TEST(Routes, TheMostSpecialOneCounts) {
  std::istringstream in(kTable);
  const auto routes = read_routes(in);
  ASSERT_EQ(routes.size(), 2U);
  const auto neighbour = route_for(routes, at(10, 213, 77, 9));
  ASSERT_TRUE(neighbour);
  EXPECT_EQ(neighbour->router, 0U);
  const auto far = route_for(routes, at(192, 0, 2, 1));
  ASSERT_TRUE(far);
  EXPECT_EQ(dotted(far->router), "10.213.77.1");
  EXPECT_FALSE(route_for({routes[1]}, at(192, 0, 2, 1)));
  // Neighbours are asked for one by one, not for a router.
  EXPECT_TRUE(router_is_there(*neighbour, std::chrono::milliseconds(0)));
}

TEST(Routes, ANeighbourIsKnownWhenItHasAnswered) {
  const auto known = [](const std::string& line, const std::string& device = "eth0") {
    std::istringstream in(
        "IP address       HW type     Flags       HW address            Mask     Device\n" + line +
        "\n");
    return neighbour_known(in, "10.213.77.1", device);
  };
  EXPECT_TRUE(
      known("10.213.77.1      0x1         0x2         02:42:0a:d5:4d:01     *        eth0"));
  EXPECT_TRUE(
      known("10.213.77.1      0x1         0x6         02:42:0a:d5:4d:01     *        eth0"));
  EXPECT_FALSE(
      known("10.213.77.1      0x1         0x0         00:00:00:00:00:00     *        eth0"));
  EXPECT_FALSE(
      known("10.213.77.10     0x1         0x2         02:42:0a:d5:4d:01     *        eth0"));
  EXPECT_FALSE(known("10.213.77.1      0x1         0x2         02:42:0a:d5:4d:01     *        eth0",
                     "eth1"));
  EXPECT_FALSE(known(""));
}

}  // namespace
}  // namespace bottle::launcher
