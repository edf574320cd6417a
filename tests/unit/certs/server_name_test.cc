#include "certs/server_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bottle {
namespace {

TEST(ServerName, TakesCanonicalNames) {
  const std::string label(63, 'a');
  for (const std::string& name :
       {std::string("a"), std::string("localhost"), std::string("api.example.test"),
        label + ".test", label + '.' + label + '.' + label + '.' + std::string(61, 'b'),
        std::string("xn--bcher-kva.test"), std::string("1.2.3.test"), std::string("0x7f.test")}) {
    const Result<ServerName> parsed = ServerName::parse(name);
    ASSERT_TRUE(parsed.has_value()) << name;
    EXPECT_EQ(parsed->text(), name);
    EXPECT_EQ(parsed->kind(), ServerName::Kind::Dns);
    EXPECT_TRUE(parsed->address().empty());
  }
  EXPECT_EQ(ServerName::parse("API.Test")->text(), "api.test");
}

TEST(ServerName, TakesAddresses) {
  EXPECT_EQ(ServerName::parse("192.0.2.7")->kind(), ServerName::Kind::Ipv4);
  EXPECT_EQ(ServerName::parse("192.0.2.7")->address().size(), 4U);
  EXPECT_EQ(ServerName::parse("2001:db8::7")->kind(), ServerName::Kind::Ipv6);
  EXPECT_EQ(ServerName::parse("2001:db8::7")->address().size(), 16U);
}

TEST(ServerName, RefusesWhatIsNoName) {
  const std::string label(63, 'a');
  const std::vector<std::string> bad{
      "",
      ".",
      "a.",
      ".a",
      "a..b",
      "-a.test",
      "*.test",
      "*",
      "a b.test",
      "a.test\n",
      std::string("a.test\0", 7),
      std::string("a\0.test", 7),
      "a/b",
      "a:443",
      "a@b",
      "bücher.test",
      label + "a.test",
      label + '.' + label + '.' + label + '.' + std::string(62, 'b'),  // 254
      "127.1",
      "2130706433",
      "1.2.3.4.5",
      "0300.0.0.1",
      "256.0.0.1",
      "[2001:db8::1]",
      "fe80::1%eth0",
      "20b::0",
      "2001:db8:0:0::1",
      "DNS:a.test",
      "a.test,DNS:evil.test"};
  for (const std::string& name : bad) {
    const Result<ServerName> parsed = ServerName::parse(name);
    EXPECT_FALSE(parsed.has_value()) << name;
    if (parsed) continue;
    EXPECT_EQ(parsed.error().reason, "bad_name");
  }
}

}  // namespace
}  // namespace bottle
