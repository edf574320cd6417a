#include "proxy/contract/host_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

HostPattern pattern(const std::string& text) {
  auto parsed = HostPattern::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().message;
  return parsed ? *parsed : HostPattern{};
}

TEST(HostPattern, HasOneSpelling) {
  struct Row {
    std::string text;
    HostPattern::Kind kind;
    std::string host_text;
    std::optional<std::uint16_t> port;
  };
  using Kind = HostPattern::Kind;
  for (const Row& row : {Row{"*", Kind::Any, "*", {}}, Row{"*:8080", Kind::Any, "*", 8080},
                         Row{"EXAMPLE.com", Kind::Exact, "example.com", {}},
                         Row{"*.Example.com:1", Kind::Subtree, "*.example.com", 1},
                         Row{"my_bucket.example", Kind::Exact, "my_bucket.example", {}},
                         Row{"192.0.2.1:65535", Kind::Address, "192.0.2.1", 65535},
                         Row{"::1", Kind::Address, "::1", {}},
                         Row{"[2001:DB8::0:1]:443", Kind::Address, "2001:db8::1", 443}}) {
    const HostPattern found = pattern(row.text);
    EXPECT_EQ(found.kind, row.kind) << row.text;
    EXPECT_EQ(found.host_text(), row.host_text);
    EXPECT_EQ(found.port, row.port) << row.text;
  }
}

TEST(HostPattern, SaysWhatIsWrongWithoutTheText) {
  struct Row {
    std::string text;
    std::string says;
  };
  for (const Row& row :
       {Row{"", "missing"}, Row{":443", "missing"}, Row{"https://a.test", "scheme"},
        Row{"u@a.test", "user"}, Row{"a.test.", "dot at the end"}, Row{"a.test:0", "1 to 65535"},
        Row{"a.test:", "1 to 65535"}, Row{"*.com", "two labels"}, Row{"a.*.test", "stands alone"},
        Row{"*.192.0.2.1", "no names below"}, Row{"[::1", "bracket"}, Row{"127.1", "IPv4 address"},
        Row{"b\xc3\xbc.test", "xn--"}}) {
    const auto parsed = HostPattern::parse(row.text);
    ASSERT_FALSE(parsed) << row.text;
    EXPECT_EQ(parsed.error().code, ExitCode::kUsage);
    EXPECT_THAT(parsed.error().message, HasSubstr(row.says)) << row.text;
    EXPECT_THAT(parsed.error().hint, HasSubstr("*.HOST"));
  }
}

TEST(HostPattern, SomePlacesTakeLess) {
  EXPECT_TRUE(HostPattern::parse_without_port("*.a.test"));
  EXPECT_FALSE(HostPattern::parse_without_port("a.test:443"));
  EXPECT_TRUE(HostPattern::parse_home("[::1]"));
  EXPECT_FALSE(HostPattern::parse_home("*"));
}

TEST(HostPattern, MatchesItsHostsAndNoOther) {
  const HostPattern below = pattern("*.a.test");
  EXPECT_TRUE(below.matches(HostKind::Name, "a.test"));
  EXPECT_TRUE(below.matches(HostKind::Name, "x.y.a.test"));
  EXPECT_FALSE(below.matches(HostKind::Name, "xa.test"));
  EXPECT_FALSE(below.matches(HostKind::Name, "a.test.evil"));
  EXPECT_FALSE(pattern("a.test").matches(HostKind::Name, "x.a.test"));
  EXPECT_TRUE(pattern("[::1]").matches(HostKind::Ipv6, "::1"));
  EXPECT_FALSE(pattern("[::1]").matches(HostKind::Name, "::1"));
  EXPECT_TRUE(pattern("*").matches(HostKind::Ipv4, "192.0.2.1"));
}

TEST(HostPattern, AnEntryForAHostOpensThatHost) {
  EXPECT_EQ(allow_entry("a.test", std::nullopt), "a.test");
  EXPECT_EQ(allow_entry("a.test", 8443), "a.test:8443");
  EXPECT_EQ(allow_entry("2001:db8::1", std::nullopt), "[2001:db8::1]");
  const std::string with_port = allow_entry("2001:db8::1", 8443);
  EXPECT_EQ(with_port, "[2001:db8::1]:8443");
  EXPECT_EQ(pattern(with_port).port, 8443);
}

TEST(HostPattern, OpensPorts) {
  EXPECT_TRUE(pattern("a.test").opens(443));
  EXPECT_TRUE(pattern("a.test").opens(80));
  EXPECT_FALSE(pattern("a.test").opens(8443));
  EXPECT_FALSE(pattern("a.test:8443").opens(443));
  EXPECT_THAT(opened_ports(host_patterns({"a.test:1", "b.test", "c.test:443"})),
              ElementsAre(1, 443, 80));
  EXPECT_THAT(opened_ports({}), ElementsAre(443, 80));
  EXPECT_THAT(host_patterns({"a..b", "*.com"}), IsEmpty());
}

}  // namespace
}  // namespace bottle
