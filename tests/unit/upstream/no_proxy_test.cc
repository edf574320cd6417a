#include "proxy/upstream/no_proxy.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

namespace bottle {
namespace {

TEST(NoProxy, ReadsListsAsCurlDoes) {
  // The list, a host, a port, whether the parent is left out.
  const std::vector<std::tuple<std::string, std::string, int, bool>> table = {
      {"", "a.example.com", 443, false},
      {"*", "a.example.com", 443, true},
      {" * ", "10.0.0.1", 443, true},
      {"*,b.test", "a.test", 443, false},
      {"example.com", "example.com", 443, true},
      {"example.com", "www.example.com", 443, true},
      {"example.com", "nonexample.com", 443, false},
      {"example.com", "example.com.evil.test", 443, false},
      {".example.com", "example.com", 443, true},
      {".example.com", "www.example.com", 443, true},
      {"Example.COM.", "www.example.com", 443, true},
      {"www.example.com", "example.com", 443, false},
      {"a.test, b.test\tc.test", "b.test", 443, true},
      {"a.test, b.test\tc.test", "c.test", 443, true},
      {"a.test,,b.test,", "b.test", 443, true},
      {"*.example.com", "www.example.com", 443, false},
      {"localhost", "localhost", 443, true},
      {"192.0.2.7", "192.0.2.7", 443, true},
      {"192.0.2.7", "192.0.2.70", 443, false},
      {"10.0.0.0/8", "10.200.3.4", 443, true},
      {"10.1.2.3/8", "10.200.3.4", 443, true},
      {"10.0.0.0/8", "11.0.0.1", 443, false},
      {"10.0.0.0/33", "10.0.0.0", 443, false},
      {"0.0.0.0/0", "203.0.113.9", 443, true},
      {"10.0.0.0/8", "ten.example.com", 443, false},
      {"::1", "::1", 443, true},
      {"[::1]", "::1", 443, true},
      {"fd00::/8", "fd12::9", 443, true},
      {"fd00::/8", "10.0.0.1", 443, false},
      {"0.0.0.0/0", "fd12::9", 443, false},
      {"example.com:8443", "example.com", 8443, true},
      {"example.com:8443", "www.example.com", 8443, true},
      {"example.com:8443", "example.com", 443, false},
      {"192.0.2.7:80", "192.0.2.7", 80, true},
      {"192.0.2.7:80", "192.0.2.7", 443, false},
      {"[::1]:80", "::1", 80, true},
      {"[::1]:80", "::1", 443, false},
      {"example.com:x", "example.com", 443, false},
      {"http://example.com", "example.com", 443, false},
  };
  for (const auto& [list, host, port, left_out] : table) {
    const auto rules = NoProxy::parse(list);
    ASSERT_TRUE(rules);
    const auto destination = parse_host(host, static_cast<std::uint16_t>(port)).value();
    EXPECT_EQ(rules->matches(destination), left_out) << list << " and " << destination.host_port();
  }
}

TEST(NoProxy, IsBounded) {
  EXPECT_FALSE(NoProxy::parse(std::string(NoProxy::kLongestText + 1, 'x')));
  std::string many;
  for (std::size_t i = 0; i < NoProxy::kMaxEntries; ++i) many += "a.test,";
  EXPECT_TRUE(NoProxy::parse(many));
  EXPECT_FALSE(NoProxy::parse(many + "b.test"));
}

}  // namespace
}  // namespace bottle
