#include "launcher/plan/firefox_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace bottle::launcher {
namespace {

TEST(FirefoxPolicy, AddsTheCaToThoseThatAreThere) {
  const auto of = [](const char* before) {
    return nlohmann::json::parse(firefox_policy(before))["policies"];
  };
  EXPECT_EQ(of("")["Certificates"]["Install"].dump(), R"(["/run/bottle/ca.pem"])");
  EXPECT_EQ(of("no json")["Certificates"]["Install"].size(), 1U);
  const auto merged = of(R"({"policies": {"DisableTelemetry": true,
                            "Certificates": {"Install": ["own.pem"], "ImportEnterpriseRoots": true}}})");
  EXPECT_EQ(merged["DisableTelemetry"], true);
  EXPECT_EQ(merged["Certificates"]["ImportEnterpriseRoots"], true);
  EXPECT_EQ(merged["Certificates"]["Install"].dump(), R"(["own.pem","/run/bottle/ca.pem"])");
  EXPECT_EQ(of(R"({"policies": {"Certificates": 3}})")["Certificates"]["Install"].size(), 1U);
}

}  // namespace
}  // namespace bottle::launcher
