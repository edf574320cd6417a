#include "proxy/guard/joined_values.h"

#include <gtest/gtest.h>

#include "proxy/guard/secret_scanner.h"

namespace bottle {
namespace {

constexpr std::string_view kValue = "k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5a";

class ValuesInPieces : public testing::Test {
 protected:
  static const SecretSet& secrets() {
    static const auto set = SecretSet::make(
        {SecretSpec{.name = "K", .value = std::string(kValue), .hosts = {}, .in_body = false}});
    return **set;
  }
  // The body is fed in steps of so many bytes.
  std::optional<Finding> scan_body(std::string_view body, std::size_t step) {
    SecretScanner scanner(secrets(), space, "example.com", Scheme::Https);
    for (std::size_t at = 0; at < body.size(); at += step) {
      const auto refused = scanner.feed(body.substr(at, step)).refused;
      if (refused) return refused;
    }
    return scanner.finish();
  }
  static std::string piece(std::size_t index, std::size_t size) {
    return std::string(kValue.substr(index * size, size));
  }

  ScanSpace space{secrets()};
};

TEST_F(ValuesInPieces, StringsOfJsonAreJoinedWithoutTheirNames) {
  for (const std::size_t size : {3u, 8u, 11u, 16u}) {
    std::string body = "{\"model\": \"" + piece(0, size) + "\"";
    for (std::size_t i = 1; i * size < kValue.size(); ++i) {
      body += ", \"field" + std::to_string(i) + "\": {\"t\": \"" + piece(i, size) + "\"}";
    }
    body += "}";
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, body.size()}) {
      const auto found = scan_body(body, step);
      ASSERT_TRUE(found) << body << " in steps of " << step;
      EXPECT_EQ(found->name, "K");
      EXPECT_EQ(found->part, RequestPart::Body);
    }
  }
}

TEST_F(ValuesInPieces, EscapesInThemAreUndone) {
  EXPECT_TRUE(scan_body(
      "{\"a\":\"k7Qw2Zx\\u0052\",\"b\":\"9tLmB4vN8c\\u0059p\",\"c\":\"D3sF6hJ1gT5a\"}", 5));
}

TEST_F(ValuesInPieces, FieldsOfAFormAreJoined) {
  const std::string form = "user=" + piece(0, 11) + "&b=" + piece(1, 11) + "&note=" + piece(2, 11);
  const std::string other = "user=" + piece(0, 8) + "&b=x&note=" + piece(1, 8);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, form.size()}) {
    EXPECT_TRUE(scan_body(form, step)) << step;
    EXPECT_TRUE(scan_body(form + "&z=1", step)) << step;
    EXPECT_FALSE(scan_body(other, step)) << step;
  }
}

TEST_F(ValuesInPieces, QueriesCookiesAndFieldsAreJoined) {
  SecretScanner scanner(secrets(), space, "example.com", Scheme::Https);
  const auto in_url =
      scanner.scan_url("/a?x=" + piece(0, 11) + "&y=" + piece(1, 11) + "&name=" + piece(2, 11));
  ASSERT_TRUE(in_url);
  EXPECT_EQ(in_url->part, RequestPart::Url);
  Fields cookie;
  cookie.add("Cookie", "a=" + piece(0, 11) + "; b=" + piece(1, 11) + "; c=" + piece(2, 11));
  const auto in_cookie = scanner.scan_fields(cookie);
  ASSERT_TRUE(in_cookie);
  EXPECT_EQ(in_cookie->part, RequestPart::Header);
  Fields fields;
  for (std::size_t i = 0; i < 4; ++i) fields.add("X-" + std::to_string(i), piece(i, 8));
  EXPECT_TRUE(scanner.scan_fields(fields));
}

TEST_F(ValuesInPieces, LongStringsAndNamesAreNoPieces) {
  EXPECT_FALSE(scan_body("{\"" + piece(0, 8) + "\": \"x\", \"a\": \"" + piece(1, 8) + "\"}", 3));
  const std::string text(100, 'x');
  EXPECT_TRUE(scan_body(
      "{\"a\": \"" + piece(0, 8) + "\", \"b\": \"" + text + "\", \"c\": \"" + piece(1, 8) + "\"}",
      3));
}

}  // namespace
}  // namespace bottle
