#include "proxy/flow/host_index.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace bottle {
namespace {

std::vector<std::size_t> matches(const HostIndex& index, HostKind kind, std::string_view host) {
  std::vector<std::size_t> out;
  index.for_each_match(kind, host, [&out](std::size_t number) {
    out.push_back(number);
    return true;
  });
  return out;
}

HostIndex index_of(const std::vector<HostPattern>& patterns) {
  HostIndex out;
  for (const HostPattern& pattern : patterns) out.add(pattern);
  return out;
}

using Found = std::vector<std::size_t>;

TEST(HostIndexes, FindWhatMatchesInOrder) {
  const HostIndex index =
      index_of(host_patterns({"b.z.test", "*.z.test", "*", "a.b.z.test", "*.b.z.test", "192.0.2.1",
                              "b.z.test:8443", "[::1]"}));
  EXPECT_EQ(matches(index, HostKind::Name, "b.z.test"), (Found{0, 1, 2, 4, 6}));
  EXPECT_EQ(matches(index, HostKind::Name, "a.b.z.test"), (Found{1, 2, 3, 4}));
  EXPECT_EQ(matches(index, HostKind::Name, "z.test"), (Found{1, 2}));
  EXPECT_EQ(matches(index, HostKind::Name, "ab.z.test"), (Found{1, 2}));
  EXPECT_EQ(matches(index, HostKind::Name, "other.example"), (Found{2}));
  EXPECT_EQ(matches(index, HostKind::Ipv4, "192.0.2.1"), (Found{2, 5}));
  EXPECT_EQ(matches(index, HostKind::Ipv6, "::1"), (Found{2, 7}));
  EXPECT_EQ(matches(HostIndex(), HostKind::Name, "b.test"), (Found{}));
}

TEST(HostIndexes, StopWhenToldTo) {
  const HostIndex index = index_of(host_patterns({"*", "a.z.test", "*.z.test"}));
  int asked = 0;
  index.for_each_match(HostKind::Name, "a.z.test", [&asked](std::size_t) { return ++asked < 2; });
  EXPECT_EQ(asked, 2);
}

// The pattern's own answer is the rule.
TEST(HostIndexes, AgreeWithEachPatternAskedAlone) {
  std::mt19937 random(7);
  const std::vector<std::string> labels = {"a", "b", "ab", "test", "x-y"};
  const auto name = [&] {
    std::string out = labels[random() % labels.size()];
    for (std::size_t more = random() % 4; more > 0; --more) {
      out += "." + labels[random() % labels.size()];
    }
    return out;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> texts;
    for (int i = 0; i < 20; ++i) texts.push_back((random() % 2 == 0 ? "*." : "") + name());
    if (round % 3 == 0) texts.emplace_back("*");
    const std::vector<HostPattern> patterns = host_patterns(texts);
    const HostIndex index = index_of(patterns);
    for (int asked = 0; asked < 20; ++asked) {
      const std::string host = name();
      Found expected;
      for (std::size_t i = 0; i < patterns.size(); ++i) {
        if (patterns[i].matches(HostKind::Name, host)) expected.push_back(i);
      }
      EXPECT_EQ(matches(index, HostKind::Name, host), expected) << host;
    }
  }
}

}  // namespace
}  // namespace bottle
