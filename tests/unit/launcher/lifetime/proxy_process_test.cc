#include "launcher/lifetime/proxy_process.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bottle::launcher {
namespace {

TEST(SecretLines, EachSecretIsALineOfJson) {
  const std::vector<KnownSecret> secrets{
      {.name = "SPEC_TEST_KEY", .value = Secret("host-secret-value"), .hosts = {"api.example"}},
      {.name = "TOKEN", .value = Secret("file-secret-value"), .hosts = {}}};
  EXPECT_EQ(secret_lines(secrets, FingerprintKey{}),
            R"({"fingerprint_key":")" + std::string(64, '0') +
                "\"}\n"
                R"({"hosts":["api.example"],"name":"SPEC_TEST_KEY","value":"host-secret-value"})"
                "\n"
                R"({"hosts":[],"name":"TOKEN","value":"file-secret-value"})"
                "\n");
}

TEST(SecretLines, APlaceholderStandsBesideItsValue) {
  const std::vector<KnownSecret> secrets{{.name = "KEY",
                                          .value = Secret(R"(the-"\value)"),
                                          .hosts = {"api.example"},
                                          .placeholder = Secret("not-value"),
                                          .in = {"header", "body"}}};
  const std::string lines = secret_lines(secrets, FingerprintKey{});
  EXPECT_EQ(lines.substr(lines.find('\n') + 1),
            R"({"value":"the-\"\\value","hosts":["api.example"],"in":["header","body"],)"
            R"("name":"KEY","placeholder":"not-value"})"
            "\n");
}

}  // namespace
}  // namespace bottle::launcher
