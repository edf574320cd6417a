#include "proxy/guard/well_known_names.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

TEST(WellKnownNames, AreTheseInAnyCaseAndNoOthers) {
  for (const char* const name : {"accept", "Content-Type", "X-STAINLESS-TIMEOUT", "te"}) {
    EXPECT_TRUE(is_well_known_name(name)) << name;
  }
  for (const char* const name : {"", "x-", "accep", "accepts", "content_type",
                                 "x-stainless-timeout-2", "xaccept", "sk-ant-api03"}) {
    EXPECT_FALSE(is_well_known_name(name)) << name;
  }
  EXPECT_FALSE(is_well_known_name(std::string(100'000, 'a')));
}

}  // namespace
}  // namespace bottle
