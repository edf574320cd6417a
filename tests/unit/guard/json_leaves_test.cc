#include "proxy/guard/json_leaves.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bottle {
namespace {

// "path=raw" of each value, "path:raw" of each name.
std::vector<std::string> leaves_of(ByteView text) {
  std::vector<std::string> out;
  JsonLeaves leaves(text);
  while (const auto leaf = leaves.next()) {
    out.push_back(leaves.path_of(*leaf) + (leaf->is_key ? ":" : "=") +
                  std::string(text.substr(leaf->begin, leaf->end - leaf->begin)));
  }
  return out;
}

bool is_valid(ByteView text) { return JsonLeaves(text).valid(); }

using Strings = std::vector<std::string>;

TEST(JsonLeavesTest, YieldsEveryStringWithItsPath) {
  EXPECT_EQ(leaves_of(R"({"messages":[{"content":[{"text":"a\"b"},{"text":"c"}]},{"x":"y"}]})"),
            (Strings{":messages", "messages[0]:content", "messages[0].content[0]:text",
                     "messages[0].content[0].text=a\\\"b", "messages[0].content[1]:text",
                     "messages[0].content[1].text=c", "messages[1]:x", "messages[1].x=y"}));
  EXPECT_EQ(leaves_of(R"( "alone" )"), Strings{"=alone"});
  EXPECT_EQ(leaves_of(R"([1,true,null,"",[["z"]]])"), (Strings{"[3]=", "[4][0][0]=z"}));
}

TEST(JsonLeavesTest, FindsTheStringThatBeginsLastBeforeAPlace) {
  const std::string text = R"({"a":"bcd","e":5})";
  JsonLeaves leaves(text);
  EXPECT_FALSE(leaves.last_before(0));
  EXPECT_FALSE(leaves.last_before(1));
  EXPECT_EQ(leaves.last_before(2)->begin, 2U);
  EXPECT_EQ(leaves.last_before(5)->begin, 2U) << "the quote is no byte of the next string";
  EXPECT_EQ(leaves.last_before(8)->begin, 6U);
  EXPECT_EQ(leaves.last_before(10)->begin, 6U);
  const auto name = leaves.last_before(text.size());
  EXPECT_EQ(name->begin, 12U);
  EXPECT_TRUE(name->is_key);
  EXPECT_TRUE(leaves.valid());
}

TEST(JsonLeavesTest, TakesWhatTheStandardTakes) {
  for (const char* text :
       {"{}", "[]", "0", "-0", "-1.5e+3", "1E9", "true", "false", "null", "\"\"", " [ 1 , 2 ] ",
        "{\"a\":{\"b\":[]}}", R"("\"\\\/\b\f\n\r\t\u00e9")", "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        R"(["\ud83d\ude00"])", "{\"a\":1,\"a\":2}", "\t\n\r {\"\":\"\"}"}) {
    EXPECT_TRUE(is_valid(text)) << text;
    EXPECT_TRUE(nlohmann::json::accept(text)) << text;
  }
  EXPECT_TRUE(is_valid(R"(["\ud83d"])")) << "half a pair, as JavaScript cuts strings";
}

TEST(JsonLeavesTest, RefusesWhatCouldBeReadInAnotherWay) {
  for (const std::string text : {"",
                                 " ",
                                 "{",
                                 "[",
                                 "]",
                                 "[1,]",
                                 "[,1]",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "{'a':1}",
                                 "[1 2]",
                                 "01",
                                 "-",
                                 "1.",
                                 ".5",
                                 "1e",
                                 "+1",
                                 "nul",
                                 "nulll",
                                 "True",
                                 "NaN",
                                 "[1]]",
                                 "{}{}",
                                 "[1}",
                                 "{\"a\":1]",
                                 "\"a",
                                 "\"\\x41\"",
                                 "\"\\u12g4\"",
                                 "\"\\u123\"",
                                 "\"\t\"",
                                 "\"\n\"",
                                 "\"\x80\"",
                                 "\"\xc0\xaf\"",
                                 "\"\xed\xa0\x80\"",
                                 "/**/1",
                                 "1//",
                                 "\xef\xbb\xbf{}",
                                 "{\"a\" \"b\"}",
                                 "{1:2}",
                                 "[:]",
                                 "{,}",
                                 "\\u0022a\\u0022"}) {
    EXPECT_FALSE(is_valid(text)) << text;
  }
  EXPECT_FALSE(is_valid(std::string("\"\0\"", 3)));
  EXPECT_FALSE(is_valid(std::string("1\0", 2)));
}

TEST(JsonLeavesTest, DepthIsBounded) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(is_valid(nested(JsonLeaves::kMaxNesting)));
  EXPECT_FALSE(is_valid(nested(JsonLeaves::kMaxNesting + 1)));
  EXPECT_FALSE(is_valid(std::string(1000000, '[')));
}

}  // namespace
}  // namespace bottle
