#include "proxy/flow/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bottle {
namespace {

Policy policy_of(PolicySpec spec) {
  auto policy = Policy::make(std::move(spec));
  EXPECT_TRUE(policy) << policy.error().message;
  return std::move(*policy);
}

PolicySpec allow(std::vector<std::string> entries) {
  PolicySpec spec;
  spec.allow = std::move(entries);
  return spec;
}

Destination to(std::string_view authority) {
  const auto destination = parse_authority(authority, std::uint16_t{443});
  EXPECT_TRUE(destination) << authority;
  return destination ? *destination : Destination{};
}

// The reason word of a refusal, or "scan".
std::string outcome(const Policy& policy, std::string_view authority,
                    Scheme scheme = Scheme::Https) {
  const Decision decision = policy.decide(to(authority), scheme);
  if (!decision.refusal) {
    EXPECT_EQ(decision.route, Route::Scan);
    return std::string(to_string(decision.route));
  }
  EXPECT_EQ(decision.route, Route::Deny);
  EXPECT_EQ(decision.refusal->code, Code::Denied);
  EXPECT_FALSE(decision.refusal->hint.empty());
  return decision.refusal->reason;
}

TEST(Policy, NothingIsAllowedByDefault) {
  const Policy policy = policy_of({});
  EXPECT_EQ(outcome(policy, "example.com"), "host_not_allowed");
  EXPECT_EQ(outcome(policy, "8.8.8.8"), "host_not_allowed");
}

// [T04]
TEST(Policy, AHostMeansItsUsualPorts) {
  const Policy policy = policy_of(
      allow({"api.example.com", "Upper.Example", "*.wild.test", "port.test:8443", "both.test",
             "both.test:9000", "8.8.8.8", "[2606:4700::1111]:8443", "2606:4700::1001"}));
  const struct {
    const char* authority;
    const char* outcome;
  } cases[] = {
      {"api.example.com", "scan"},
      {"api.example.com:80", "scan"},
      {"api.example.com:22", "port_not_allowed"},
      {"api.example.com:8443", "port_not_allowed"},
      {"API.EXAMPLE.COM", "scan"},
      {"api.example.com.", "scan"},
      {"example.com", "host_not_allowed"},
      {"x.api.example.com", "host_not_allowed"},
      {"xapi.example.com", "host_not_allowed"},
      {"api.example.com.evil.test", "host_not_allowed"},
      {"upper.example", "scan"},
      {"wild.test", "scan"},
      {"a.wild.test", "scan"},
      {"a.b.wild.test", "scan"},
      {"awild.test", "host_not_allowed"},
      {"wild.test.evil.test", "host_not_allowed"},
      {"port.test:8443", "scan"},
      {"port.test", "port_not_allowed"},
      {"port.test:80", "port_not_allowed"},
      {"both.test", "scan"},
      {"both.test:9000", "scan"},
      {"both.test:9001", "port_not_allowed"},
      {"8.8.8.8", "scan"},
      {"8.8.4.4", "host_not_allowed"},
      {"[2606:4700::1111]:8443", "scan"},
      {"[2606:4700::1111]", "port_not_allowed"},
      {"[2606:4700:0:0:0:0:0:1001]", "scan"},
  };
  for (const auto& c : cases) EXPECT_EQ(outcome(policy, c.authority), c.outcome) << c.authority;
}

TEST(Policy, StarAllowsEveryHostButNotEveryPortOrAddress) {
  const Policy policy = policy_of(allow({"*"}));
  EXPECT_EQ(outcome(policy, "anything.test"), "scan");
  EXPECT_EQ(outcome(policy, "8.8.8.8"), "scan");
  EXPECT_EQ(outcome(policy, "anything.test:22"), "port_not_allowed");
  EXPECT_EQ(outcome(policy, "127.0.0.1"), "address_not_allowed");
  EXPECT_EQ(outcome(policy, "[::1]"), "address_not_allowed");
  const Policy port = policy_of(allow({"*:8443"}));
  EXPECT_EQ(outcome(port, "anything.test:8443"), "scan");
  EXPECT_EQ(outcome(port, "anything.test"), "port_not_allowed");
}

TEST(Policy, AddressesNeedToBeOpenedAndAllowed) {
  PolicySpec spec = allow({"127.0.0.1:8443", "10.0.0.1"});
  EXPECT_EQ(outcome(policy_of(spec), "127.0.0.1:8443"), "address_not_allowed");
  spec.addresses = *AddressGuard::make({"127.0.0.0/8"});
  EXPECT_EQ(outcome(policy_of(spec), "127.0.0.1:8443"), "scan");
  EXPECT_EQ(outcome(policy_of(spec), "127.0.0.2:8443"), "host_not_allowed");
  EXPECT_EQ(outcome(policy_of(spec), "10.0.0.1"), "address_not_allowed");
}

// [T01]
TEST(Policy, OwnAddressesComeBeforeTheAllowlist) {
  PolicySpec spec = allow({"*", "*:3128", "*:8888", "127.0.0.1:3128"});
  spec.addresses = *AddressGuard::make({"127.0.0.0/8", "::1"});
  spec.own = {{"127.0.0.1", std::uint16_t{3128}},
              {"[::1]", std::uint16_t{3128}},
              {"127.0.0.1", std::uint16_t{8888}},
              {"Pipelock.", {}}};
  const Policy policy = policy_of(spec);
  EXPECT_EQ(outcome(policy, "127.0.0.1:3128"), "own_address");
  EXPECT_EQ(outcome(policy, "[::1]:3128"), "own_address");
  EXPECT_EQ(outcome(policy, "[0:0:0:0:0:0:0:1]:3128"), "own_address");
  EXPECT_EQ(outcome(policy, "127.0.0.1:8888"), "own_address");
  EXPECT_EQ(outcome(policy, "127.0.0.1"), "scan");
  EXPECT_EQ(outcome(policy, "pipelock"), "own_address");
  EXPECT_EQ(outcome(policy, "PIPELOCK.:8888"), "own_address");
  EXPECT_EQ(outcome(policy, "pipelock.test"), "scan");
}

// [T01]
TEST(Policy, MetadataServicesAreNeverAllowed) {
  PolicySpec spec = allow({"*", "metadata.google.internal", "169.254.169.254"});
  spec.addresses = *AddressGuard::make({"169.254.0.0/16"});
  const Policy policy = policy_of(spec);
  EXPECT_EQ(outcome(policy, "metadata.google.internal:80", Scheme::Http), "own_address");
  EXPECT_EQ(outcome(policy, "x.metadata.google.internal"), "own_address");
  EXPECT_EQ(outcome(policy, "metadata"), "own_address");
  EXPECT_EQ(outcome(policy, "169.254.169.254"), "address_not_allowed");
}

TEST(Policy, RoutesFirstMatchWinsAndDoNotAllow) {
  PolicySpec spec = allow({"*.a.test", "b.test"});
  spec.routes = {"keep.a.test=scan", "*.a.test=deny", "c.test=scan", "d.test=deny"};
  const Policy policy = policy_of(spec);
  EXPECT_EQ(outcome(policy, "keep.a.test"), "scan");
  EXPECT_EQ(outcome(policy, "x.a.test"), "route_deny");
  EXPECT_EQ(outcome(policy, "a.test"), "route_deny");
  EXPECT_EQ(outcome(policy, "b.test"), "scan");
  EXPECT_EQ(outcome(policy, "c.test"), "host_not_allowed");
  EXPECT_EQ(outcome(policy, "d.test"), "route_deny");  // no hint says how it could be allowed
}

TEST(Policy, KnowsTheHostsOfWhichSomePortIsAllowed) {
  PolicySpec spec = allow({"a.test", "*.b.test", "port.test:8443", "own.test", "part.test",
                           "closed.test", "8.8.8.8", "metadata.google.internal"});
  spec.routes = {"closed.test=deny"};
  spec.own = {{"own.test", std::nullopt}, {"part.test", std::uint16_t{443}}};
  const Policy policy = policy_of(spec);
  for (const char* name : {"a.test", "b.test", "x.b.test", "port.test", "part.test", "_x.b.test"}) {
    EXPECT_TRUE(policy.knows_host(name)) << name;
  }
  for (const char* name :
       {"x.a.test", "test", "own.test", "closed.test", "8.8.8.8", "other.test",
        "metadata.google.internal", "", ".", "a.test:443", "-x.b.test", "b.test.evil"}) {
    EXPECT_FALSE(policy.knows_host(name)) << name;
  }
  EXPECT_TRUE(policy_of(allow({"*"})).knows_host("any.where"));
  EXPECT_FALSE(policy_of(allow({"*"})).knows_host("10.0.0.1"));
  EXPECT_FALSE(policy_of({}).knows_host("a.test"));
}

TEST(Policy, HintNamesTheOptionThatWouldHelp) {
  const Policy policy = policy_of(allow({"a.test"}));
  EXPECT_NE(policy.decide(to("b.test"), Scheme::Https).refusal->hint.find("--allow b.test."),
            std::string::npos);
  EXPECT_NE(policy.decide(to("b.test:99"), Scheme::Https).refusal->hint.find("--allow b.test:99."),
            std::string::npos);
  EXPECT_NE(policy.decide(to("a.test:99"), Scheme::Https).refusal->hint.find("--allow a.test:99."),
            std::string::npos);
  EXPECT_NE(policy.decide(to("[2606::1]"), Scheme::Https).refusal->hint.find("[2606::1]"),
            std::string::npos);
}

TEST(Policy, LearningLetsWhatNobodyClosedPass) {
  PolicySpec spec = allow({"a.test", "10.0.0.1"});
  spec.routes = {"closed.test=deny", "fast.test=scan-requests"};
  spec.own = {{"own.test", 443}};
  spec.learning = Learning::NamesAndAddresses;
  const Policy policy = policy_of(spec);
  const Decision unknown = policy.decide(to("new.test:8443"), Scheme::Https);
  EXPECT_FALSE(unknown.refusal);
  EXPECT_TRUE(unknown.learned);
  EXPECT_EQ(unknown.route, Route::Scan);
  EXPECT_FALSE(unknown.entry);
  EXPECT_FALSE(policy.decide(to("a.test"), Scheme::Https).learned);
  EXPECT_EQ(policy.decide(to("fast.test"), Scheme::Https).route, Route::ScanRequests);
  EXPECT_EQ(outcome(policy, "192.0.2.1"), "address_not_allowed") << "for documentation only";
  EXPECT_TRUE(policy.decide(to("9.9.9.9"), Scheme::Https).learned);
  EXPECT_EQ(outcome(policy, "closed.test"), "route_deny");
  EXPECT_EQ(outcome(policy, "own.test"), "own_address");
  EXPECT_EQ(outcome(policy, "10.0.0.1"), "address_not_allowed");
  EXPECT_EQ(outcome(policy, "169.254.169.254"), "address_not_allowed");
  EXPECT_EQ(outcome(policy, "metadata.google.internal"), "own_address");
  EXPECT_FALSE(policy.knows_host("new.test")) << "pipelock alone finds no way there";
  spec.learning = Learning::Names;
  EXPECT_EQ(outcome(policy_of(spec), "9.9.9.9"), "host_not_allowed");
}

TEST(Policy, BadAllowEntriesAreNamed) {
  for (const std::string entry : {"",
                                  ":443",
                                  "*.",
                                  "*.com",
                                  "*foo.test",
                                  "a.*.test",
                                  "**.a.test",
                                  "https://a.test",
                                  "a.test/path",
                                  "a.test.",
                                  "a.test:",
                                  "a.test:0",
                                  "a.test:65536",
                                  "a.test:+1",
                                  "a.test:0443",
                                  "a.test:https",
                                  "a b.test",
                                  "-a.test",
                                  "bücher.test",
                                  "127.1",
                                  "010.0.0.1",
                                  "256.1.1.1",
                                  "*.1.2.3.4",
                                  "[::1",
                                  "[::1]443",
                                  "fe80::1%eth0",
                                  "a.test=scan",
                                  "user@a.test"}) {
    const auto policy = Policy::make(allow({"good.test", entry}));
    ASSERT_FALSE(policy) << entry;
    EXPECT_EQ(policy.error().code, ExitCode::kUsage);
    EXPECT_NE(policy.error().message.find("--allow \"" + entry + "\""), std::string::npos)
        << policy.error().message;
  }
}

TEST(Policy, ScanRequestsIsARoute) {
  PolicySpec spec = allow({"a.test"});
  spec.routes = {"a.test=scan-requests"};
  const Decision decision = policy_of(spec).decide(to("a.test"), Scheme::Https);
  EXPECT_FALSE(decision.refusal);
  EXPECT_EQ(decision.route, Route::ScanRequests);
  EXPECT_EQ(to_string(decision.route), "scan-requests");
}

TEST(Policy, BadRouteEntriesAreNamed) {
  for (const std::string entry :
       {"", "a.test", "a.test=", "=scan", "a.test=Scan", "a.test=pass", "a.test:443=scan",
        "*.com=deny", "a.test=deny ", "a.test/../b=deny", "a.test/a?b=deny", "a.test/*=deny",
        "/ws=relay"}) {
    PolicySpec spec;
    spec.routes = {entry};
    const auto policy = Policy::make(spec);
    ASSERT_FALSE(policy) << entry;
    EXPECT_NE(policy.error().message.find("--route \"" + entry + "\""), std::string::npos);
  }
}

TEST(Policy, TheLongestPathHasTheRoute) {
  PolicySpec spec = allow({"a.test", "b.test"});
  spec.routes = {"a.test=scan-requests", "a.test/ws=relay", "a.test/ws/admin=deny",
                 "b.test/x=relay", "b.test=deny"};
  const Policy policy = policy_of(spec);
  struct Row {
    std::string target;
    Route route;
  };
  for (const Row& row : {Row{"/", Route::ScanRequests}, Row{"/ws", Route::Relay},
                         Row{"/ws?q=/ws/admin", Route::Relay}, Row{"/ws/", Route::Relay},
                         Row{"/wsx", Route::ScanRequests}, Row{"/%77s/a", Route::Relay},
                         Row{"/ws/admin/x", Route::Deny}, Row{"/WS", Route::ScanRequests},
                         Row{"*", Route::ScanRequests}, Row{"", Route::ScanRequests}}) {
    EXPECT_EQ(policy.decide(to("a.test"), Scheme::Https, row.target).route, row.route)
        << row.target;
  }
  EXPECT_EQ(policy.decide(to("b.test"), Scheme::Https, "/x").route, Route::Deny)
      << "a host that is closed is closed as a whole";
  EXPECT_TRUE(policy.may_have(to("a.test"), Route::Relay));
  EXPECT_FALSE(policy.may_have(to("b.test"), Route::Relay));
  EXPECT_FALSE(policy.may_have(to("a.test"), Route::Splice));
}

TEST(Policy, PathsWithTwoReadingsAreRefusedWherePathsHaveRoutes) {
  PolicySpec spec = allow({"a.test", "b.test"});
  spec.routes = {"a.test/ws=relay"};
  const Policy policy = policy_of(spec);
  for (const std::string target : {"/ws/../v1", "/ws/./a", "/ws//a", "/ws%2fa", "/ws%5Ca",
                                   "/a/%2e%2e/ws", "/ws;x", "/ws/%00", "/%zz", "/ws/%252e"}) {
    const Decision decision = policy.decide(to("a.test"), Scheme::Https, target);
    ASSERT_TRUE(decision.refusal) << target;
    EXPECT_EQ(decision.refusal->reason, "path_ambiguous") << target;
    EXPECT_FALSE(policy.decide(to("b.test"), Scheme::Https, target).refusal) << target;
  }
}

TEST(Policy, SpliceIsForWholeHosts) {
  PolicySpec spec = allow({"a.test"});
  spec.routes = {"a.test=splice"};
  EXPECT_EQ(policy_of(spec).decide(to("a.test"), Scheme::Https).route, Route::Splice);
  spec.routes = {"a.test/x=splice"};
  EXPECT_NE(Policy::make(spec).error().message.find("whole host"), std::string::npos);
}

TEST(Policy, ListsAreBounded) {
  EXPECT_TRUE(Policy::make(allow(std::vector<std::string>(kMaxAllowEntries, "a.test"))));
  EXPECT_FALSE(Policy::make(allow(std::vector<std::string>(kMaxAllowEntries + 1, "a.test"))));
  PolicySpec routes;
  routes.routes.assign(kMaxRouteEntries, "a.test=deny");
  EXPECT_TRUE(Policy::make(routes));
  routes.routes.push_back("a.test=deny");
  EXPECT_FALSE(Policy::make(routes));
}

TEST(Policy, PermittedNames) {
  const auto names = policy_of(allow({"a.test", "*.b.test", "A.test:8443", "8.8.8.8",
                                      "[2606::1]:443", "8.8.8.8:80"}))
                         .permitted_names();
  EXPECT_FALSE(names.unconstrained);
  EXPECT_EQ(names.dns, (std::vector<std::string>{"a.test", "b.test"}));
  ASSERT_EQ(names.addresses.size(), 2u);
  EXPECT_EQ(names.addresses[0].to_string(), "8.8.8.8");
  EXPECT_EQ(names.addresses[1].to_string(), "2606::1");
  EXPECT_TRUE(policy_of(allow({"a.test", "*"})).permitted_names().unconstrained);
  EXPECT_TRUE(policy_of(allow({})).permitted_names().dns.empty());
}

TEST(Policy, TellsWhichHostsAWildcardAloneAllows) {
  PolicySpec spec;
  spec.allow = {"*.x.test", "whole.x.test", "*.y.x.test", "port.x.test:8443"};
  const auto policy = Policy::make(std::move(spec));
  ASSERT_TRUE(policy);
  const auto wildcard = [&policy](std::string_view host, std::uint16_t port = 443) {
    return policy->decide(*parse_host(host, port), Scheme::Https).wildcard;
  };
  EXPECT_EQ(wildcard("a.x.test"), "x.test");
  EXPECT_EQ(wildcard("b.y.x.test"), "x.test");
  EXPECT_EQ(wildcard("whole.x.test"), "");
  EXPECT_EQ(wildcard("port.x.test"), "x.test");
  EXPECT_EQ(wildcard("port.x.test", 8443), "");
  EXPECT_EQ(wildcard("other.test"), "");
}

}  // namespace
}  // namespace bottle
