#include "proxy/http/fields.h"

#include <gtest/gtest.h>

#include "tests/unit/http/h1_test_util.h"

namespace bottle {
namespace {

using test::show;

TEST(Fields, KeepsOrderAndCase) {
  Fields fields;
  fields.add("B", "1");
  fields.add("a", "2");
  fields.add("b", "3");
  EXPECT_EQ(show(fields), " [B: 1] [a: 2] [b: 3]");
  EXPECT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields.count("b"), 2U);
  EXPECT_EQ(*fields.find("A"), "2");
  EXPECT_EQ(*fields.find("b"), "1");
  EXPECT_FALSE(fields.find("c"));
}

TEST(Fields, RemovesAndReplacesWithoutCase) {
  Fields fields;
  fields.add("X-A", "1");
  fields.add("x-b", "2");
  fields.add("x-a", "3");
  EXPECT_EQ(fields.remove("X-a"), 2U);
  EXPECT_EQ(fields.remove("X-a"), 0U);
  fields.set("X-B", "4");
  EXPECT_EQ(show(fields), " [X-B: 4]");
  fields.clear();
  EXPECT_TRUE(fields.empty());
}

TEST(Fields, EmptyValuesAndBinaryBytesSurvive) {
  Fields fields;
  fields.add("e", "");
  fields.add("b", std::string_view("\0\xff", 2));
  EXPECT_EQ(*fields.find("e"), "");
  EXPECT_EQ(*fields.find("b"), std::string_view("\0\xff", 2));
}

TEST(Fields, ListSizeCountsAsHttp2Does) {
  Fields fields;
  EXPECT_EQ(fields.list_size(), 0U);
  fields.add("name", "value");
  fields.add("n", "");
  EXPECT_EQ(fields.list_size(), 4U + 5U + 32U + 1U + 32U);
}

TEST(Fields, CopiesOwnTheirBytes) {
  Fields copy;
  {
    Fields fields;
    fields.add("name", "value");
    copy = fields;
  }
  EXPECT_EQ(*copy.find("name"), "value");
}

TEST(Fields, KeepTrimmedLeavesNamesOrderAndInnerSpace) {
  Fields fields;
  fields.add("a", " \tone two\t ");
  fields.add("gone", "x");
  fields.add("b", "");
  fields.add("c", " \t ");
  fields.add("d", "plain");
  const std::string_view view = *fields.find("d");
  std::size_t asked = 0;
  fields.keep_trimmed([&asked](std::size_t i, const Field& field) {
    EXPECT_EQ(i, asked++);
    return field.name != "gone";
  });
  ASSERT_EQ(fields.size(), 4U);
  EXPECT_EQ(fields[0].value, "one two");
  EXPECT_EQ(fields[1].value, "");
  EXPECT_EQ(fields[2].value, "");
  EXPECT_EQ(fields[3].value, "plain");
  EXPECT_EQ(view, "plain");
  EXPECT_FALSE(fields.has("gone"));
  EXPECT_EQ(fields.list_size(), 4U * 32 + 4 + 7 + 5);
  Fields copy = fields;
  copy.add("e", " after ");
  EXPECT_EQ(*copy.find("e"), " after ");
  EXPECT_EQ(*copy.find("a"), "one two");
}

TEST(Tokens, ListsAndWhiteSpace) {
  EXPECT_TRUE(list_has_token("keep-alive, Close", "close"));
  EXPECT_TRUE(list_has_token("close", "close"));
  EXPECT_TRUE(list_has_token(" ,\tclose\t,", "close"));
  EXPECT_FALSE(list_has_token("closed, x-close", "close"));
  EXPECT_FALSE(list_has_token("", "close"));
  EXPECT_EQ(trim_ows(" \ta b\t "), "a b");
  EXPECT_EQ(trim_ows(" \t "), "");
  EXPECT_TRUE(iequals("AbC-1", "aBc-1"));
  EXPECT_FALSE(iequals("a", "ab"));
  // '@' and '`' differ by the bit that makes letters' case, and are no letters.
  EXPECT_FALSE(iequals("@", "`"));
  EXPECT_EQ(to_lower("A-Z\xc3\x84"), "a-z\xc3\x84");
}

}  // namespace
}  // namespace bottle
