#include "proxy/http/authority.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bottle {
namespace {

std::string parsed(std::string_view text, std::optional<std::uint16_t> port = 443) {
  const auto destination = parse_authority(text, port);
  return destination ? destination->host_port() : "refused: " + destination.error().detail;
}

TEST(Authority, CanonicalSpellings) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"example.com", "example.com:443"},
      {"EXAMPLE.com:8443", "example.com:8443"},
      {"example.com.", "example.com:443"},
      {"example.com.:80", "example.com:80"},
      {"localhost", "localhost:443"},
      {"a.b-c.d1", "a.b-c.d1:443"},
      {"r3---sn-abc.example.com", "r3---sn-abc.example.com:443"},
      {"1a.2b.c3", "1a.2b.c3:443"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example:443"},
      {"XN--BCHER-KVA.example", "xn--bcher-kva.example:443"},
      {"xn--fiqs8s", "xn--fiqs8s:443"},
      {"127.0.0.1", "127.0.0.1:443"},
      {"255.255.255.255:1", "255.255.255.255:1"},
      {"[::1]", "[::1]:443"},
      {"[::1]:65535", "[::1]:65535"},
      {"[2001:DB8:0:0:0:0:0:1]:8443", "[2001:db8::1]:8443"},
      {"[fe80::1]", "[fe80::1]:443"},
      {"[::]", "[::]:443"},
      {"[64:ff9b::1.2.3.4]", "[64:ff9b::102:304]:443"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(parsed(text), expected) << text;
}

// Spellings that some resolver, parser or certificate check reads otherwise.
// [T01, T04, T14, T27]
TEST(Authority, RefusesSecondReadings) {
  const std::string label63(63, 'a');
  const std::vector<std::string> table = {
      "",
      ":",
      ":443",
      ".",
      "..",
      ".com",
      "a..b",
      "a.b..",
      "@",
      "user@example.com",
      "user:pw@example.com",
      "example.com@evil.com:443",
      "example.com:443@evil.com",
      // ports
      "example.com:",
      "example.com:0",
      "example.com:00",
      "example.com:0443",
      "example.com:+443",
      "example.com:-1",
      "example.com:65536",
      "example.com:65616",
      "example.com:99999",
      "example.com:100000",
      "example.com:443 ",
      "example.com: 443",
      "example.com:443:443",
      "example.com:443/",
      "example.com:4 3",
      "example.com:0x1bb",
      "example.com:https",
      // IPv4 in other clothes
      "127.1",
      "127.0.1",
      "2130706433",
      "0x7f.1",
      "0x7f000001",
      "0x7F.0.0.1",
      "010.0.0.1",
      "127.0.0.01",
      "0177.0.0.1",
      "1.2.3.4.5",
      "256.1.1.1",
      "1.2.3.256",
      "1.2.3.",
      "127.0.0.1.",
      "1..2.3",
      "foo.1",
      "foo.0x1",
      "foo.0x",
      "0",
      "0x",
      "00000",
      // IPv6
      "[",
      "[]",
      "[]:443",
      "[::1",
      "::1",
      "[::1]443",
      "[::1]:",
      "[::1]x",
      "[::1]:443x",
      "[::g]",
      "[:::1]",
      "[1:2:3:4:5:6:7]",
      "[1:2:3:4:5:6:7:8:9]",
      "[fe80::1%eth0]",
      "[fe80::1%25eth0]",
      "[::ffff:127.0.0.1]",
      "[::FFFF:7f00:1]",
      "[0:0:0:0:0:ffff:127.0.0.1]",
      "[::127.0.0.1]",
      "[::7f00:1]",
      "[::2]",
      "[v1.fe80::a]",
      "[127.0.0.1]",
      "[example.com]",
      "[::1 ]",
      "[ ::1]",
      "[[::1]]",
      // names
      "-a.com",
      "a.-b",
      "a.-",
      "exa mple.com",
      " example.com",
      "example.com ",
      "example.com\t",
      "a,b",
      "a;b",
      "a%62c",
      "ex%61mple.com",
      "*.example.com",
      "*",
      "example.com/",
      "example.com?x",
      "example.com#x",
      "example.com\\x",
      "b\xc3\xbc"
      "cher.de",
      "\xef\xbc\x91.com",
      std::string("a\0b", 3),
      "a\nb",
      "a\rb",
      "a!b",
      "a'b",
      "a\"b",
      "a|b",
      // A-labels that are none
      "xn--",
      "xn--.com",
      "xn--a",
      "xn--abc-",
      "xn--99999999",
      "xn--a-\xc3\xbc",
      "a.xn--",
      "xn--zzzzzzzzzzzzzzzzzzzz",
      // lengths
      label63 + "a.com",
      label63 + "." + label63 + "." + label63 + "." + label63,
  };
  for (const std::string& text : table) {
    EXPECT_EQ(parsed(text).substr(0, 8), "refused:") << text << " -> " << parsed(text);
    EXPECT_EQ(parse_authority(text, 443).has_value(), false) << text;
  }
  EXPECT_EQ(parse_authority("a b", 443).error().code, Code::ClientBad);
  EXPECT_EQ(parse_authority("a b", 443).error().reason, "bad_authority");
}

TEST(Authority, NamesAtTheirLimits) {
  const std::string label63(63, 'a');
  EXPECT_TRUE(is_valid_hostname(label63 + ".com"));
  EXPECT_FALSE(is_valid_hostname(label63 + "a.com"));
  const std::string three = label63 + "." + label63 + "." + label63 + ".";
  EXPECT_TRUE(is_valid_hostname(three + std::string(60, 'b')));   // 252
  EXPECT_TRUE(is_valid_hostname(three + std::string(61, 'b')));   // 253
  EXPECT_FALSE(is_valid_hostname(three + std::string(62, 'b')));  // 254
  EXPECT_TRUE(is_valid_hostname(three + std::string(61, 'b') + "."));
}

TEST(Authority, PortsAtTheirLimits) {
  EXPECT_EQ(parse_port("1"), 1);
  EXPECT_EQ(parse_port("65535"), 65535);
  EXPECT_FALSE(parse_port("0"));
  EXPECT_FALSE(parse_port("65536"));
  EXPECT_FALSE(parse_port("4294967739"));
  EXPECT_FALSE(parse_port(""));
}

TEST(Authority, WithoutDefaultThePortIsMandatory) {
  EXPECT_EQ(parsed("example.com", std::nullopt), "refused: the authority has no port");
  EXPECT_EQ(parsed("example.com:443", std::nullopt), "example.com:443");
  EXPECT_EQ(parsed("[::1]", std::nullopt), "refused: the authority has no port");
}

TEST(Authority, WritesThePortOnlyWhereItIsNotTheSchemes) {
  const auto name = parse_authority("example.com", 443);
  const auto v6 = parse_authority("[::1]:80", 443);
  EXPECT_EQ(name->authority(Scheme::Https), "example.com");
  EXPECT_EQ(name->authority(Scheme::Http), "example.com:443");
  EXPECT_EQ(v6->authority(Scheme::Http), "[::1]");
  EXPECT_EQ(v6->authority(Scheme::Https), "[::1]:80");
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->kind, HostKind::Ipv6);
  EXPECT_EQ(name->kind, HostKind::Name);
  EXPECT_EQ(parse_authority("10.0.0.1", 443)->kind, HostKind::Ipv4);
}

TEST(Authority, WhatItWritesItReadsBack) {
  for (const char* text : {"example.com:8443", "[2001:db8::1]:80", "10.0.0.1:443", "a:1"}) {
    const auto once = parse_authority(text, std::nullopt);
    ASSERT_TRUE(once);
    EXPECT_EQ(*parse_authority(once->host_port(), std::nullopt), *once);
    EXPECT_EQ(*parse_authority(once->authority(Scheme::Https), 443), *once);
    EXPECT_EQ(*parse_host(once->host, once->port), *once);
  }
}

TEST(Authority, HostAndPortApart) {
  EXPECT_EQ(parse_host("[::1]", 443)->host, "::1");
  EXPECT_EQ(parse_host("::1", 443)->host, "::1");
  EXPECT_EQ(parse_host("Example.COM.", 443)->host, "example.com");
  EXPECT_FALSE(parse_host("example.com", 0));
  EXPECT_FALSE(parse_host("example.com:443", 443));
  EXPECT_FALSE(parse_host("", 443));
  EXPECT_FALSE(parse_host("127.1", 443));
}

TEST(AbsoluteForm, TakesTheTargetApart) {
  const auto form = parse_absolute_form("HTTP://Example.com:8080/a?b=http://c/@d");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->scheme, Scheme::Http);
  EXPECT_EQ(form->destination.host_port(), "example.com:8080");
  EXPECT_EQ(form->path, "/a?b=http://c/@d");
  EXPECT_TRUE(form->has_path);
  const auto bare = parse_absolute_form("https://example.com");
  EXPECT_EQ(bare->path, "/");
  EXPECT_FALSE(bare->has_path);
  EXPECT_EQ(parse_absolute_form("https://example.com?q")->path, "/?q");
}

// URLs without a host would reach the scanner's own endpoints.
// [T01]
TEST(AbsoluteForm, RefusesUrlsThatNameNoHost) {
  for (const char* target : {"http:///metrics",
                             "http:/x",
                             "http:metrics",
                             "http://",
                             "http://:80/",
                             "http://@/",
                             "http://u@h/",
                             "http://u:p@h/",
                             "http://?q",
                             "http://#f",
                             "http://h/#f",
                             "http://h#f",
                             "ftp://h/",
                             "ws://h/",
                             "//h/",
                             "/",
                             "*",
                             "",
                             "h:443",
                             "http://h:0/",
                             "http://h:65616/",
                             "http://[::ffff:127.0.0.1]/",
                             "http://127.1/",
                             "http://h\\@e/",
                             "http://h:80:80/"}) {
    EXPECT_FALSE(parse_absolute_form(target)) << target;
  }
}

}  // namespace
}  // namespace bottle
