#include "proxy/contract/route.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

TEST(Route, TheTableIsInTheOrderOfTheEnumeration) {
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kRoutes[i].route), i);
    EXPECT_EQ(route_by_word(kRoutes[i].word), kRoutes[i].route);
    EXPECT_EQ(to_string(kRoutes[i].route), kRoutes[i].word);
  }
}

TEST(Route, UnknownOnesAreExplained) {
  EXPECT_FALSE(route_by_word("Scan"));
  EXPECT_EQ(no_such_route("pass"),
            "the route \"pass\" does not exist; use scan, scan-requests, relay, splice or deny, or "
            "leave the host out");
}

}  // namespace
}  // namespace bottle
