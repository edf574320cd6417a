#include "proxy/contract/proxy_contract.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

TEST(ProxyContract, TheReadyLineIsReadAsItIsWritten) {
  const std::string line = ready_line("127.0.0.1:3128", "AA:BB", " exit=127.0.0.2:443");
  EXPECT_EQ(line, "bottle-proxy ready listen=127.0.0.1:3128 ca_sha256=AA:BB exit=127.0.0.2:443");
  EXPECT_EQ(fingerprint_in_ready_line(line), "AA:BB");
  EXPECT_EQ(fingerprint_in_ready_line(ready_line("[::1]:1", "AA", "")), "AA");
  for (const char* other :
       {"", "bottle-proxy ready", "bottle-proxy ready listen=a:1", "bottle-proxy: ca_sha256=AA"}) {
    EXPECT_FALSE(fingerprint_in_ready_line(other)) << other;
  }
}

}  // namespace
}  // namespace bottle
