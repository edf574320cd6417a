#include "proxy/config/own_address.h"

#include <gtest/gtest.h>

#include "proxy/config/config.h"
#include "proxy/config/options.h"

namespace bottle {
namespace {

TEST(OwnAddress, IsTheOneThatLiesInTheRange) {
  const auto found = own_address_in("127.0.0.0/8");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, "127.0.0.1");
}

TEST(OwnAddress, NoneSeveralAndNonsenseAreErrors) {
  // No machine has an address there: reserved, and broadcast (RFC 1112 section 4).
  const auto none = own_address_in("255.255.255.0/24");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("no address in 255.255.255.0/24"), std::string::npos);
  for (const char* wrong : {"", "127.0.0.1/33", "127.0.0.1/8", "localhost/8", "::1/129"}) {
    EXPECT_FALSE(own_address_in(wrong)) << wrong;
  }
}

TEST(OwnAddress, EveryPlaceToListenAtMayBeARange) {
  Config config;
  for (const OptionRow& row : option_rows()) {
    if (row.name != "listen") continue;
    ASSERT_TRUE(row.set(config, "127.0.0.0/8:3128"));
    EXPECT_FALSE(row.set(config, "255.255.255.0/24:3128"));
  }
  EXPECT_EQ(config.listen.host, "127.0.0.1");
  EXPECT_EQ(config.listen.port, 3128);
}

}  // namespace
}  // namespace bottle
