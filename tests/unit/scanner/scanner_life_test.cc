#include "proxy/scanner/scanner_life.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace bottle {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

std::string health(double uptime, int patterns = 40) {
  return json{{"status", "healthy"}, {"uptime_seconds", uptime}, {"dlp_patterns", patterns}}.dump();
}

TEST(ScannerLife, TheSameScannerKeepsWhatItPassed) {
  KnownText known;
  ScannerLife life(known);
  const auto start = ScannerLife::Clock::now();
  life.heard(health(10.25), start, start + 3ms);
  life.heard(health(70.252), start + 60s, start + 60s + 5ms);
  life.heard(health(71), start + 61s, start + 61s);  // rounded
  EXPECT_EQ(known.epoch(), 1U);
}

TEST(ScannerLife, AnotherStartOrConfigurationIsAnotherScanner) {
  const auto start = ScannerLife::Clock::now();
  for (const std::string& second :
       {health(0), health(0.1), health(70.4), health(70.5, 41), std::string("busy"),
        std::string("{}"), std::string(R"({"uptime_seconds":"60"})")}) {
    KnownText known;
    ScannerLife life(known);
    life.heard(health(10.5), start, start);
    life.heard(second, start + 60s, start + 60s);
    EXPECT_EQ(known.epoch(), 2U) << second;
  }
}

TEST(ScannerLife, IsAskedAgainAfterAWhile) {
  KnownText known;
  ScannerLife life(known);
  const auto start = ScannerLife::Clock::now();
  EXPECT_FALSE(life.is_due(start));  // the first connection asks
  life.heard(health(10.5), start, start);
  EXPECT_FALSE(life.is_due(start + 4s));
  EXPECT_TRUE(life.is_due(start + 6s));
  life.heard(health(16.5), start + 6s, start + 6s);
  EXPECT_FALSE(life.is_due(start + 7s));
}

TEST(ScannerLife, AnAnswerThatSaysNothingIsAlwaysAnother) {
  KnownText known;
  ScannerLife life(known);
  const auto start = ScannerLife::Clock::now();
  for (int i = 0; i < 4; ++i) life.heard("busy", start, start);
  EXPECT_EQ(known.epoch(), 4U);
}

}  // namespace
}  // namespace bottle
