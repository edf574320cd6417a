#include "launcher/manifest/resource_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "launcher/manifest/manifest.h"
#include "launcher/manifest/port_rule.h"

namespace bottle::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Expected<Manifest> parse(const std::string& inner) {
  return parse_manifest(R"({"bottles": {"b": {)" + inner + "}}}", "m.json", "/work");
}

TEST(ResourceLimits, AreReadAndSaidAgain) {
  struct Case {
    const char* name;
    const char* text;
    const char* words;
  };
  for (const auto& [name, text, words] : {Case{"memory", "8g", "8 GiB of memory"},
                                          {"memory", "512M", "512 MiB of memory"},
                                          {"memory", "1536m", "1536 MiB of memory"},
                                          {"memory", "32768k", "32 MiB of memory"},
                                          {"memory", "64t", "64 TiB of memory"},
                                          {"cpus", "4", "4 processors"},
                                          {"cpus", "1", "1 processor"},
                                          {"cpus", "1.5", "1.5 processors"},
                                          {"cpus", "0.25", "0.25 processors"},
                                          {"cpus", "0.01", "0.01 processors"},
                                          {"cpus", "2.50", "2.5 processors"},
                                          {"pids", "4096", "4096 processes"}}) {
    ResourceLimits limits;
    EXPECT_EQ(set_resource(name, text, limits), "") << text;
    EXPECT_EQ(words_of(limits), words);
  }
}

TEST(ResourceLimits, OtherValuesSayHowToWriteThem) {
  struct Case {
    const char* name;
    const char* text;
  };
  for (const auto& [name, text] : {Case{"memory", ""}, {"memory", "8"},   {"memory", "g"},
                                   {"memory", "8gb"},  {"memory", "-8g"}, {"memory", "8.5g"},
                                   {"memory", "31m"},  {"memory", "65t"}, {"memory", "5000000000g"},
                                   {"cpus", "0"},      {"cpus", "1.234"}, {"cpus", "1."},
                                   {"cpus", ".5"},     {"cpus", "1025"},  {"cpus", "x"},
                                   {"cpus", "1.-5"},   {"pids", "15"},    {"pids", "4194305"},
                                   {"pids", "1e3"},    {"pids", ""}}) {
    ResourceLimits limits;
    EXPECT_THAT(set_resource(name, text, limits), HasSubstr("write " + std::string(name) + " as"))
        << text;
    EXPECT_FALSE(limits.any()) << text;
  }
}

TEST(ResourceLimits, AreLimitsOfTheManifestBesideTheProxys) {
  const auto manifest =
      parse(R"("limits": {"memory": "8g", "queue": 10, "cpus": 1.5, "pids": 4096})");
  ASSERT_TRUE(manifest) << manifest.error().message;
  const auto& bottle = manifest->bottles.at("b");
  EXPECT_EQ(words_of(bottle.resources), "8 GiB of memory, 1.5 processors, 4096 processes");
  EXPECT_EQ(bottle.limits.size(), 1U);
  for (const char* bad : {R"("memory": 8)", R"("memory": 8589934592)", R"("cpus": true)",
                          R"("pids": [1])", R"("pids": 1.5)"}) {
    const auto wrong = parse(R"("limits": {)" + std::string(bad) + "}");
    ASSERT_FALSE(wrong) << bad;
    EXPECT_THAT(wrong.error().message, HasSubstr("write ")) << bad;
    EXPECT_THAT(wrong.error().hint, HasSubstr("example: ")) << bad;
  }
}

TEST(PortRule, IsAPortOrTwo) {
  EXPECT_EQ(port_rule("3000"), (PortRule{3000, 3000}));
  EXPECT_EQ(port_rule("3000:8080"), (PortRule{3000, 8080}));
  EXPECT_EQ(port_rule("3000:0"), (PortRule{3000, 0}));
  EXPECT_EQ(text_of({3000, 3000}), "3000");
  EXPECT_EQ(text_of({3000, 0}), "3000:0");
  for (const char* bad : {"", "0", "0:80", "65536", "80:65536", ":80", "80:", "1:2:3", "x", " 80",
                          "80 ", "+80", "-80", "127.0.0.1:80"}) {
    EXPECT_FALSE(port_rule(bad)) << bad;
  }
  const auto manifest = parse(R"("ports": [3000, "3001", "3002:8080"])");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_THAT(manifest->bottles.at("b").ports,
              ElementsAre(PortRule{3000, 3000}, PortRule{3001, 3001}, PortRule{3002, 8080}));
  for (const char* bad : {"[true]", "[3000.5]", "[-1]", "{}", "3000", "[\"a\"]"}) {
    EXPECT_FALSE(parse(R"("ports": )" + std::string(bad))) << bad;
  }
  std::string many;
  for (int port = 1; port <= 17; ++port) many += (many.empty() ? "" : ", ") + std::to_string(port);
  EXPECT_FALSE(parse(R"("ports": [)" + many + "]"));
}

}  // namespace
}  // namespace bottle::launcher
