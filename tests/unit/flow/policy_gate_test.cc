#include "proxy/flow/policy_gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace bottle {
namespace {

using Admits = PolicyGate::Admits;

struct Row {
  const char* name;
  bool any_name;
  bool allowed_https;
  bool allowed_host;
};
constexpr Row kRows[] = {
    {"fine.test", true, true, true},
    {"other-port.test", true, false, true},  // allowed at 8443 alone
    {"unknown.test", true, false, false},
    {"denied.test", true, false, false},
};

std::shared_ptr<const Policy> policy() {
  PolicySpec spec;
  spec.allow = {"fine.test", "other-port.test:8443", "denied.test"};
  spec.routes = {"denied.test=deny"};
  auto made = Policy::make(std::move(spec));
  EXPECT_TRUE(made);
  return std::make_shared<const Policy>(std::move(*made));
}

TEST(PolicyGate, AdmitsTheNamesOfItsKind) {
  const LivePolicy rules(policy());
  for (const Row& row : kRows) {
    const std::pair<Admits, bool> kinds[] = {{Admits::AnyName, row.any_name},
                                             {Admits::AllowedHttps, row.allowed_https},
                                             {Admits::AllowedHost, row.allowed_host}};
    for (const auto& [admits, expected] : kinds) {
      PolicyGate gate(rules, admits);
      const auto answer = gate.admit(ServerName::parse(row.name).value());
      EXPECT_EQ(static_cast<bool>(answer), expected) << row.name;
      EXPECT_EQ(gate.refused(), !expected) << row.name;
    }
  }
}

TEST(PolicyGate, SaysWhyANameGetsALeaf) {
  PolicySpec spec;
  spec.allow = {"written.test", "*.below.test"};
  const LivePolicy rules(std::make_shared<const Policy>(Policy::make(std::move(spec)).value()));
  PolicyGate gate(rules, Admits::AnyName);
  const auto why = [&gate](const char* name) {
    return gate.admit(ServerName::parse(name).value()).value();
  };
  EXPECT_EQ(why("written.test"), LeafFor::Allowed);
  EXPECT_EQ(why("x.below.test"), LeafFor::Wildcard);
  EXPECT_EQ(why("unknown.test"), LeafFor::Refusal);
}

TEST(PolicyGate, KnowsWhatWasAskedFor) {
  const LivePolicy rules(policy());
  PolicyGate gate(rules, Admits::AllowedHttps);
  EXPECT_FALSE(gate.destination());
  const auto answer = gate.admit(ServerName::parse("unknown.test").value());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::Denied);
  EXPECT_EQ(gate.destination(), (Destination{"unknown.test", 443, HostKind::Name}));
}

}  // namespace
}  // namespace bottle
