#include "proxy/guard/leaf_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bottle {
namespace {

// The leaf with "X" in the place of a span of its text.
std::string with_x(LeafCoding coding, std::string_view leaf, std::size_t begin, std::size_t end,
                   std::string text = "X") {
  std::vector<LeafEdit> edits{
      LeafEdit{.span = {.begin = begin, .end = end}, .text = std::move(text)}};
  return edit_leaf(coding, leaf, edits);
}

TEST(LeafTextTest, JsonIsDecodedAsAParserDoes) {
  for (const char* leaf : {"", "plain", R"(a\"b\\c\/d\b\f\n\r\t)", R"(\u0041\u00e9\u20ac)",
                           R"(\ud83d\ude00!)", "\xc3\xa9"}) {
    const auto parsed = nlohmann::json::parse("\"" + std::string(leaf) + "\"");
    EXPECT_EQ(decode_leaf(LeafCoding::Json, leaf), parsed.get<std::string>()) << leaf;
  }
  EXPECT_EQ(decode_leaf(LeafCoding::Json, R"(\ud83dx\ude00)"), "\xef\xbf\xbdx\xef\xbf\xbd");
  EXPECT_EQ(decode_leaf(LeafCoding::Json, R"(\ud83d\ud83d\ude00)"), "\xef\xbf\xbd\xf0\x9f\x98\x80");
}

TEST(LeafTextTest, FormsAreDecoded) {
  EXPECT_EQ(decode_leaf(LeafCoding::Form, "a+b%20c%2B%e9%"), "a b c+\xe9%");
  EXPECT_EQ(decode_leaf(LeafCoding::Form, "%zz%4"), "%zz%4");
  EXPECT_EQ(decode_leaf(LeafCoding::Plain, "a+b%20\\n"), "a+b%20\\n");
}

TEST(LeafTextTest, AnEditLeavesAllOtherBytesAsTheyAre) {
  EXPECT_EQ(with_x(LeafCoding::Json, R"(\n\u0041bc\/d\n)", 1, 4), R"(\nX\/d\n)");
  EXPECT_EQ(with_x(LeafCoding::Json, R"(\/\/\/)", 1, 2), R"(\/X\/)");
  EXPECT_EQ(with_x(LeafCoding::Form, "%41%42+%43", 1, 3), "%41X%43");
  EXPECT_EQ(with_x(LeafCoding::Form, "abc", 0, 3, "[b: A]"), "%5Bb%3A+A%5D");
  EXPECT_EQ(with_x(LeafCoding::Plain, "a\\u0041b", 1, 7), "aXb");
  EXPECT_EQ(with_x(LeafCoding::Json, "abc", 0, 3), "X");
}

TEST(LeafTextTest, AnEditTakesWholeEscapesAndCharacters) {
  EXPECT_EQ(with_x(LeafCoding::Json, R"(a\ud83d\ude00b)", 2, 3), "aXb");
  EXPECT_EQ(with_x(LeafCoding::Json,
                   "a\xf0\x9f\x98\x80"
                   "b",
                   3, 4),
            "aXb");
  EXPECT_EQ(with_x(LeafCoding::Form, "a%c3%a9b", 2, 3), "aXb");
  EXPECT_EQ(with_x(LeafCoding::Plain,
                   "a\xc3\xa9"
                   "b",
                   0, 2),
            "Xb");
}

TEST(LeafTextTest, EditsTellWhichBytesWent) {
  std::vector<LeafEdit> edits{LeafEdit{.span = {.begin = 1, .end = 2}, .text = "X"},
                              LeafEdit{.span = {.begin = 3, .end = 4}, .text = "Y"}};
  EXPECT_EQ(edit_leaf(LeafCoding::Json, R"(a\nb\tc)", edits), "aXbYc");
  EXPECT_EQ(edits[0].raw, (TextSpan{.begin = 1, .end = 3}));
  EXPECT_EQ(edits[1].raw, (TextSpan{.begin = 4, .end = 6}));
}

}  // namespace
}  // namespace bottle
