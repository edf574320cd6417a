#include "proxy/guard/address_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bottle {
namespace {

IpAddress address(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(IpAddress{});
}

TEST(AddressGuard, ParsesStrictly) {
  for (const char* text : {"1.2.3.4", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1"}) {
    const auto parsed = IpAddress::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->to_string(), text);
  }
  for (const std::string text :
       {"", "1", "127.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "0x7f.0.0.1", "1.2.3.256", "2130706433",
        " 1.2.3.4", "1.2.3.4 ", "[::1]", "fe80::1%eth0", ":::", "g::1", "1::2::3",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
  EXPECT_FALSE(IpAddress::parse(std::string(1000, '1')));
}

TEST(AddressGuard, RangesParseStrictly) {
  for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "127.0.0.1/32", "127.0.0.1", "::/0",
                           "fd00::/8", "::1/128", "::1"}) {
    EXPECT_TRUE(Cidr::parse(text)) << text;
  }
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
                           "10.0.0.0/08", "10.0.0.0/8x", "10.0.0.0/8/8", "10.0.0.1/8",
                           "10.0.0.0/255.0.0.0", "::/129", "fd00::1/8", "host/8", "10.0.0/8"}) {
    const auto range = Cidr::parse(text);
    ASSERT_FALSE(range) << text;
    EXPECT_NE(range.error().message.find(std::string("\"") + text + "\""), std::string::npos);
  }
}

TEST(AddressGuard, RangeEnds) {
  const struct {
    const char* range;
    const char* first;
    const char* last;
    const char* before;
    const char* after;
  } cases[] = {
      {"10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
      {"100.64.0.0/10", "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"},
      {"172.16.0.0/12", "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
      {"198.18.0.0/15", "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"},
      {"1.2.3.4/32", "1.2.3.4", "1.2.3.4", "1.2.3.3", "1.2.3.5"},
      {"1.2.3.4/31", "1.2.3.4", "1.2.3.5", "1.2.3.3", "1.2.3.6"},
      {"fe80::/10", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe7f::", "fec0::"},
  };
  for (const auto& c : cases) {
    const auto range = Cidr::parse(c.range);
    ASSERT_TRUE(range) << c.range;
    EXPECT_TRUE(range->contains(address(c.first))) << c.range;
    EXPECT_TRUE(range->contains(address(c.last))) << c.range;
    EXPECT_FALSE(range->contains(address(c.before))) << c.range;
    EXPECT_FALSE(range->contains(address(c.after))) << c.range;
  }
  EXPECT_FALSE(Cidr::parse("::/0")->contains(address("1.2.3.4")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(address("::1")));
}

TEST(AddressGuard, RefusesWhatIsNotPublic) {
  const AddressGuard guard;
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "100.64.0.1",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.1.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.168.0.1",
                           "198.18.0.1",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "168.63.129.16",
                           "100.100.100.200",
                           "::",
                           "::1",
                           "::7f00:1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a9fe:a9fe",
                           "64:ff9b:1::1",
                           "2002:7f00:1::",
                           "2002:a00:1::1",
                           "2001::1",
                           "2001:db8::1",
                           "3fff::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fdff::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "100::1",
                           "5f00::1",
                           "4000::1"}) {
    const auto refused = guard.check(address(text), 443);
    ASSERT_TRUE(refused) << text;
    EXPECT_EQ(refused->code, Code::Denied);
    EXPECT_EQ(refused->reason, "address_not_allowed");
    EXPECT_EQ(refused->by, DecidedBy::Policy);
    EXPECT_NE(refused->hint.find("--allow-address"), std::string::npos);
  }
}

TEST(AddressGuard, AllowsWhatIsPublic) {
  const AddressGuard guard;
  for (const char* text :
       {"1.1.1.1",          "8.8.8.8",         "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",   "100.128.0.0",     "126.255.255.255", "128.0.0.0",
        "169.253.255.255",  "169.255.0.0",     "172.15.255.255",  "172.32.0.0",
        "192.167.255.255",  "192.169.0.0",     "198.17.255.255",  "198.20.0.0",
        "223.255.255.255",  "2606:4700::1111", "2a00:1450::1",    "::ffff:8.8.8.8",
        "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_FALSE(guard.check(address(text), 443)) << text;
  }
}

TEST(AddressGuard, OpensOnlyTheRangesGiven) {
  const auto guard = AddressGuard::make({"127.0.0.0/8", "fd12::/16"});
  ASSERT_TRUE(guard);
  for (const char* text : {"127.0.0.1", "::ffff:127.0.0.1", "fd12::1", "1.1.1.1"}) {
    EXPECT_FALSE(guard->check(address(text), 443)) << text;
  }
  for (const char* text : {"10.0.0.1", "::1", "fd13::1", "169.254.169.254"}) {
    EXPECT_TRUE(guard->check(address(text), 443)) << text;
  }
}

TEST(AddressGuard, MetadataIsOpenedOnlyByItsOwnAddress) {
  const auto wide = AddressGuard::make({"0.0.0.0/0", "::/0"});
  ASSERT_TRUE(wide);
  for (const char* text : {"169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"}) {
    EXPECT_TRUE(wide->check(address(text), 443)) << text;
  }
  EXPECT_FALSE(wide->check(address("169.254.1.1"), 443));
  const auto exact = AddressGuard::make({"169.254.169.254"});
  ASSERT_TRUE(exact);
  EXPECT_FALSE(exact->check(address("169.254.169.254"), 443));
}

// A machine with two public addresses and a private one, which may get more.
struct Machine final : MachineAddresses {
  std::optional<bool> has(const IpAddress& one) const override {
    if (unknown) return std::nullopt;
    return std::find(own.begin(), own.end(), one) != own.end();
  }
  std::vector<IpAddress> own = {address("8.8.8.8"), address("2606:4700::1111"),
                                address("192.168.0.5")};
  bool unknown = false;
};

TEST(AddressGuard, TheMachinesOwnAddressesAreAsPrivateAsItsLoopback) {
  Machine machine;
  const auto guard = AddressGuard::make({}, &machine);
  ASSERT_TRUE(guard);
  for (const char* text :
       {"8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2606:4700::1111"}) {
    const auto refused = guard->check(address(text), 443);
    ASSERT_TRUE(refused) << text;
    EXPECT_EQ(refused->code, Code::Denied);
    EXPECT_EQ(refused->reason, "address_not_allowed");
    EXPECT_EQ(refused->by, DecidedBy::Policy);
    EXPECT_NE(refused->detail.find("the machine's own"), std::string::npos) << refused->detail;
    EXPECT_NE(refused->hint.find("--allow-address"), std::string::npos);
  }
  EXPECT_FALSE(guard->check(address("1.1.1.1"), 443));
  machine.own.push_back(address("1.1.1.1"));
  EXPECT_TRUE(guard->check(address("1.1.1.1"), 443)) << "it came while we run";
  machine.own.clear();
  EXPECT_FALSE(guard->check(address("8.8.8.8"), 443)) << "... and these have gone";
  machine.unknown = true;
  EXPECT_TRUE(guard->check(address("9.9.9.9"), 443)) << "if it cannot be told, it is not dialled";
}

TEST(AddressGuard, AnOpenRangeOpensTheMachinesOwnAddressesToo) {
  const Machine machine;
  const auto guard = AddressGuard::make({"8.8.8.8/32", "192.168.0.0/16"}, &machine);
  ASSERT_TRUE(guard);
  EXPECT_FALSE(guard->check(address("8.8.8.8"), 443));
  EXPECT_FALSE(guard->check(address("::ffff:192.168.0.5"), 443));
  EXPECT_TRUE(guard->check(address("2606:4700::1111"), 443));
}

TEST(AddressGuard, NothingOpensOurOwnListeners) {
  const Machine machine;
  auto guard = AddressGuard::make({"0.0.0.0/0", "::/0"}, &machine);
  ASSERT_TRUE(guard);
  guard->close({{address("0.0.0.0"), 3128}, {address("192.168.0.9"), 8888}});
  for (const char* text : {"192.168.0.5", "8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111"}) {
    const auto refused = guard->check(address(text), 3128);
    ASSERT_TRUE(refused) << text;
    EXPECT_EQ(refused->reason, "own_address");
    EXPECT_EQ(refused->by, DecidedBy::Policy);
    EXPECT_FALSE(guard->check(address(text), 443)) << "another port of the machine is open";
  }
  EXPECT_TRUE(guard->check(address("192.168.0.9"), 8888));
  EXPECT_TRUE(guard->check(address("::ffff:192.168.0.9"), 8888));
  EXPECT_FALSE(guard->check(address("192.168.0.8"), 8888)) << "another machine";
  EXPECT_FALSE(guard->check(address("192.168.0.8"), 3128));
}

TEST(AddressGuard, ListIsBounded) {
  EXPECT_TRUE(AddressGuard::make(std::vector<std::string>(kMaxOpenRanges, "10.0.0.0/8")));
  EXPECT_FALSE(AddressGuard::make(std::vector<std::string>(kMaxOpenRanges + 1, "10.0.0.0/8")));
  EXPECT_FALSE(AddressGuard::make({"10.0.0.0/8", "nonsense"}));
}

}  // namespace
}  // namespace bottle
