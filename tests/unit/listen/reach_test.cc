#include "proxy/listen/reach.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proxy/config/own_address.h"

namespace bottle {
namespace {

IpAddress ip(std::string_view text) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress{});
}

std::string reached_at(std::string_view host, const std::vector<std::string>& own = {}) {
  std::vector<IpAddress> list;
  for (const std::string& one : own) list.push_back(ip(one));
  const auto at = public_address(ip(host), list);
  return at ? at->to_string() : "";
}

TEST(Reach, NearbyIsWhatNoStrangerReaches) {
  for (const auto* near :
       {"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.10.10", "100.64.0.1", "100.127.255.255", "::1", "fc00::1", "fdff::1", "fe80::1",
        "::ffff:10.0.0.1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_nearby(ip(near))) << near;
  }
  for (const auto* far : {"8.8.8.8",
                          "172.15.255.255",
                          "172.32.0.0",
                          "192.167.255.255",
                          "192.169.0.0",
                          "11.0.0.1",
                          "9.255.255.255",
                          "169.253.0.1",
                          "100.63.255.255",
                          "100.128.0.0",
                          "192.0.2.1",
                          "198.18.0.1",
                          "0.0.0.0",
                          "::",
                          "::2",
                          "2001:db8::1",
                          "2600::1",
                          "fbff::1",
                          "fe00::1",
                          "fec0::1",
                          "ff02::1",
                          "::ffff:8.8.8.8",
                          "64:ff9b::a00:1"}) {
    EXPECT_FALSE(is_nearby(ip(far))) << far;
  }
}

TEST(Reach, AnAddressIsJudgedByItself) {
  EXPECT_EQ(reached_at("10.0.0.1", {"8.8.8.8"}), "");
  EXPECT_EQ(reached_at("8.8.8.8"), "8.8.8.8");
  EXPECT_EQ(reached_at("::ffff:8.8.8.8"), "8.8.8.8");
  EXPECT_EQ(reached_at("2600::1"), "2600::1");
}

TEST(Reach, EveryAddressIsTheMostPublicOfTheMachines) {
  const std::vector<std::string> container = {"127.0.0.1", "::1", "172.17.0.2", "fe80::2"};
  EXPECT_EQ(reached_at("0.0.0.0", container), "");
  EXPECT_EQ(reached_at("::", container), "");
  const std::vector<std::string> server = {"127.0.0.1", "10.0.0.2", "203.0.113.7", "2600::7"};
  EXPECT_EQ(reached_at("0.0.0.0", server), "203.0.113.7");
  EXPECT_EQ(reached_at("::", server), "203.0.113.7") << "it takes IPv4 clients, too";
  EXPECT_EQ(reached_at("::ffff:0.0.0.0", server), "203.0.113.7");
  const std::vector<std::string> only_v6 = {"127.0.0.1", "10.0.0.2", "2600::7"};
  EXPECT_EQ(reached_at("0.0.0.0", only_v6), "");
  EXPECT_EQ(reached_at("::", only_v6), "2600::7");
}

Listeners at(const std::string& host) {
  Listeners made;
  made.host = host;
  made.port = 3128;
  return made;
}

TEST(Reach, StrangersNeedAPassword) {
  EXPECT_TRUE(check_front_reach(at("127.0.0.1"), false));
  EXPECT_TRUE(check_front_reach(at("fd00::1"), false));
  EXPECT_TRUE(check_front_reach(at("203.0.113.7"), true));
  const auto open = check_front_reach(at("203.0.113.7"), false);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, ExitCode::kUsage);
  for (const auto* part : {"--listen", "203.0.113.7", "--proxy-auth FILE"}) {
    EXPECT_NE(open.error().message.find(part), std::string::npos) << open.error().message;
  }
  EXPECT_FALSE(check_front_reach(at("not an address"), false));
}

TEST(Reach, WhoCannotShowOneMayNotBeAStranger) {
  EXPECT_TRUE(check_transparent_reach({}, "--listen-tls"));
  EXPECT_TRUE(check_transparent_reach({at("10.0.0.1"), at("127.0.0.1")}, "--listen-tls"));
  const auto open = check_transparent_reach({at("10.0.0.1"), at("2600::1")}, "--listen-http");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, ExitCode::kUsage);
  EXPECT_TRUE(open.error().message.starts_with("--listen-http: ")) << open.error().message;
  EXPECT_NE(open.error().message.find("2600::1"), std::string::npos);
}

TEST(Reach, TheMachinesAddressesAreKnown) {
  const auto own = interface_addresses();
  ASSERT_TRUE(own);
  EXPECT_NE(std::find(own->begin(), own->end(), ip("127.0.0.1")), own->end());
}

}  // namespace
}  // namespace bottle
