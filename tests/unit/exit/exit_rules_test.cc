#include "proxy/exit/exit_rules.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

// A head that one side admits at its limits has to pass on the other, or the limit is another one.
TEST(ExitRules, WhatIsAdmittedAtTheLimitsPassesBehindTheScanner) {
  const HeadLimits limits;
  const HeadLimits behind = behind_scanner(RequestRules{}).limits;
  EXPECT_GE(behind.fields, limits.fields + 4);  // Host, Content-Length, User-Agent, the ticket
  EXPECT_GE(behind.start_line_bytes, 3 * limits.start_line_bytes);
  // As much as the query may have grown, and those fields.
  EXPECT_GE(behind.head_bytes, limits.head_bytes + 2 * limits.start_line_bytes + 1024);
  EXPECT_EQ(behind.name_bytes, limits.name_bytes);
}

TEST(ExitRules, ATicketStaysAndAnUpgradeOpensNothing) {
  const Destination host{"a.example", 443};
  for (const bool behind : {false, true}) {
    const RequestRules rules = behind ? behind_scanner(RequestRules{}) : RequestRules{};
    RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.fields.add("Host", "a.example");
    head.fields.add("X-Bottle-Exchange", "1.a");
    RequestHead upgrade = head;
    upgrade.fields.add("Connection", "upgrade");
    upgrade.fields.add("Upgrade", "websocket");
    ASSERT_TRUE(check_request(head, RequestContext{host, Scheme::Https, rules}));
    EXPECT_EQ(head.fields.has("x-bottle-exchange"), behind);
    ASSERT_TRUE(check_request(upgrade, RequestContext{host, Scheme::Https, rules}));
    EXPECT_EQ(upgrade.protocol.empty(), behind);
  }
}

}  // namespace
}  // namespace bottle
