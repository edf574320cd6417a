#include "proxy/contract/route_place.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

TEST(RoutePlace, IsAHostOrAPartOfOne) {
  const auto whole = RoutePlace::parse("A.test");
  ASSERT_TRUE(whole);
  EXPECT_FALSE(whole->has_path());
  EXPECT_EQ(whole->text(), "a.test");
  const auto part = RoutePlace::parse("*.b.test/v1/%77s/");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->text(), "*.b.test/v1/ws");
  EXPECT_TRUE(part->covers("/v1/ws"));
  EXPECT_TRUE(part->covers("/v1/ws/x"));
  EXPECT_FALSE(part->covers("/v1/wsx"));
  EXPECT_FALSE(part->covers("/v1"));
  const auto root = RoutePlace::parse("a.test/");
  ASSERT_TRUE(root);
  EXPECT_FALSE(root->has_path()) << "every path";
}

TEST(RoutePlace, TextsWithTwoReadingsAreNone) {
  for (const std::string text : {"", "/ws", "a.test:443/ws", "a.test/a b", "a.test/a?b",
                                 "a.test/#x", "a.test/*", "a.test//x", "a.test/./x", "a.test/x/..",
                                 "a.test/%2f", "a.test/a;b", "a.test/%zz", "a.test/\x80"}) {
    EXPECT_FALSE(RoutePlace::parse(text)) << text;
  }
  EXPECT_TRUE(RoutePlace::parse("a.test/" + std::string(RoutePlace::kLongestPath - 1, 'a')));
  EXPECT_FALSE(RoutePlace::parse("a.test/" + std::string(RoutePlace::kLongestPath, 'a')));
}

TEST(PlainPath, UndoesEscapesThatMeanTheSame) {
  EXPECT_EQ(plain_path("/a/b?c=/../d"), "/a/b");
  EXPECT_EQ(plain_path("/%61%7e/%20x"), "/a~/%20x");
  EXPECT_EQ(plain_path("/%c3%A4"), "/%C3%A4");
  EXPECT_EQ(plain_path("/a/"), "/a/");
  EXPECT_EQ(plain_path("/.well-known/x.y"), "/.well-known/x.y");
  for (const std::string target :
       {"", "*", "/..", "/.", "/a/.", "//", "/a//b", "/%2E%2e/a", "/a%2Fb", "/a%5cb", "/a\\b",
        "/a;b", "/%3b", "/%", "/%1", "/%0d", "/%25"}) {
    EXPECT_FALSE(plain_path(target)) << target;
  }
}

}  // namespace
}  // namespace bottle
