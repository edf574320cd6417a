#include "proxy/guard/json_path.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

// The path at the mark '@' in the text, which is fed in pieces of each size.
void expect_path(const std::string& text, const std::string& path) {
  const std::string before = text.substr(0, text.find('@'));
  for (std::size_t step = 1; step <= before.size(); ++step) {
    JsonPath json;
    for (std::size_t at = 0; at < before.size(); at += step) json.feed(before.substr(at, step));
    EXPECT_EQ(json.path(), path) << text << " in pieces of " << step;
  }
}

TEST(JsonPath, TellsWhereAValueIs) {
  expect_path(R"({"messages":[{"role":"user"},{"content":[{"type":"text","text":"so @)",
              "messages[1].content[0].text");
  expect_path(R"([1,[2,{"a":3}],"@)", "[2]");
  expect_path(R"({"a":{"b":"}]\"],{"},"c":@)", "c");
  expect_path(R"({"a":"x","b c.d":"@)", "b?c?d");
  expect_path(R"({"k":"quote \\","m":"@)", "m");
}

TEST(JsonPath, IsBounded) {
  JsonPath json;
  json.feed(std::string(100'000, '['));
  EXPECT_LE(json.path().size(), JsonPath::kMaxPath);
  json.feed(std::string(100'000, ']') + "{\"" + std::string(1000, 'n') + "\":");
  EXPECT_EQ(json.path(), std::string(JsonPath::kMaxName, 'n'));
}

}  // namespace
}  // namespace bottle
