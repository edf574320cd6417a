#include "proxy/contract/origin_rules.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

TEST(OriginRules, MethodsAreOfTheirHosts) {
  OriginRules rules;
  rules.rules.push_back(*parse_methods("dav.test=PROPFIND,REPORT"));
  rules.rules.push_back(*parse_methods("*.vault.test=LIST"));
  EXPECT_TRUE(rules.allows_method(HostKind::Name, "dav.test", "PROPFIND"));
  EXPECT_TRUE(rules.allows_method(HostKind::Name, "dav.test", "REPORT"));
  EXPECT_TRUE(rules.allows_method(HostKind::Name, "a.vault.test", "LIST"));
  EXPECT_FALSE(rules.allows_method(HostKind::Name, "dav.test", "LIST"));
  EXPECT_FALSE(rules.allows_method(HostKind::Name, "dav.test", "propfind"));
  EXPECT_FALSE(rules.allows_method(HostKind::Name, "other.test", "PROPFIND"));
  EXPECT_FALSE(rules.legacy_tls(HostKind::Name, "dav.test"));
  EXPECT_FALSE(OriginRules().allows_method(HostKind::Name, "dav.test", "PROPFIND"));
}

TEST(OriginRules, OldCiphersAreOfTheirHosts) {
  OriginRules rules;
  rules.rules.push_back(*parse_tls_legacy("old.test"));
  rules.rules.push_back(*parse_tls_legacy("192.0.2.1"));
  EXPECT_TRUE(rules.legacy_tls(HostKind::Name, "old.test"));
  EXPECT_TRUE(rules.legacy_tls(HostKind::Ipv4, "192.0.2.1"));
  EXPECT_FALSE(rules.legacy_tls(HostKind::Name, "a.old.test"));
  EXPECT_FALSE(rules.legacy_tls(HostKind::Name, "other.test"));
  EXPECT_FALSE(rules.allows_method(HostKind::Name, "old.test", "PROPFIND"));
}

TEST(OriginRules, MistakesAreNamed) {
  EXPECT_EQ(parse_methods("dav.test").error().message, "\"dav.test\" names no methods");
  for (const char* method : {"TRACE", "connect", "Track", "PRI"}) {
    const auto rule = parse_methods("dav.test=PROPFIND," + std::string(method));
    ASSERT_FALSE(rule) << method;
    EXPECT_EQ(rule.error().message,
              "\"" + std::string(method) + "\": CONNECT, TRACE, TRACK and PRI are never passed on");
  }
  for (const char* text : {"dav.test=", "dav.test=A,", "dav.test=,A", "dav.test=A B",
                           "dav.test=A\n", "dav.test:443=A", "=A", "http://dav.test=A"}) {
    EXPECT_FALSE(parse_methods(text)) << text;
  }
  const std::string longest(kLongestMethod, 'A');
  EXPECT_TRUE(parse_methods("dav.test=" + longest));
  EXPECT_FALSE(parse_methods("dav.test=" + longest + "A"));
  std::string many = "dav.test=A";
  for (std::size_t i = 1; i < kMaxMethods; ++i) many += ",A";
  EXPECT_TRUE(parse_methods(many));
  EXPECT_FALSE(parse_methods(many + ",A"));
  EXPECT_FALSE(parse_tls_legacy("*"));
  EXPECT_FALSE(parse_tls_legacy("old.test:443"));
  EXPECT_FALSE(parse_tls_legacy(""));
}

}  // namespace
}  // namespace bottle
