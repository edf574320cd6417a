#include "launcher/plan/placeholder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "proxy/contract/checksum.h"

namespace bottle::launcher {
namespace {

// One of many: another key makes another placeholder.
PlaceholderSource source_number(int number) {
  PlaceholderSource out{.place = "/project/bottle.json"};
  out.key[0] = static_cast<unsigned char>(number);
  return out;
}

std::string made(const std::string& value, const PlaceholderSource& source = source_number(1),
                 const std::string& name = "KEY") {
  const auto placeholder = placeholder_for(source, name, value);
  EXPECT_TRUE(placeholder) << value;
  return placeholder ? std::string(placeholder->reveal()) : "";
}

struct Shape {
  std::string value;
  std::string kept;      // the beginning
  std::string alphabet;  // of the rest, without separators
};

const std::string kLower = "abcdefghijklmnopqrstuvwxyz";
const std::string kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const std::string kAll = "0123456789" + kUpper + kLower;

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> kShapes{
      {"sk-ant-api03-Zq8Rw3Tn6yBv1KxMd5GhJ2Lf4Ck9Pe7sUu-Wo3_AA", "sk-ant-api03-", kAll},
      {"ghp_k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW", "ghp_", kAll},
      {"github_pat_11ABCDEFG0k7Qw2ZxR9tLm_B4vN8cYpD3sF6hJ1gT5aE0uWk7Qw2ZxR9tLmB4vN8cYpD3",
       "github_pat_", kAll},
      {"sk-proj-Zq8Rw3Tn6yBv1KxMd5GhJ2Lf4Ck9Pe", "sk-proj-", kAll},
      {"npm_k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW", "npm_", kAll},
      {"glpat-Zq8Rw3Tn6yBv1KxMd5Gh", "glpat-", kAll},
      {"xoxb-8364019275-1749205836-Zq8Rw3Tn6yBv1KxMd5Gh", "xoxb-", kAll},
      {"AKIAQZ7DJT3WNK5MXH2R", "AKIA", "0123456789" + kUpper},
      {"9f86d081884c7d659a2feaa0c55ad015", "", "0123456789abcdef"},
      {"6f1c2b9e-83d4-4a57-b0c6-19e7f5d2a834", "", "0123456789abcdef"},
      {"correct horse battery staple", "", kLower + "0123456789"},
      {"8364019275174920583", "", "0123456789"},
  };
  return kShapes;
}

TEST(Placeholder, HasTheValuesShape) {
  for (const Shape& shape : shapes()) {
    for (int i = 0; i < 20; ++i) {
      const std::string text = made(shape.value, source_number(i));
      ASSERT_EQ(text.size(), shape.value.size());
      EXPECT_NE(text, shape.value);
      EXPECT_EQ(text.substr(0, shape.kept.size()), shape.kept);
      for (std::size_t at = shape.kept.size(); at < text.size(); ++at) {
        const bool separator = kAll.find(shape.value[at]) == std::string::npos;
        if (separator) {
          EXPECT_EQ(text[at], shape.value[at]) << text;
        } else {
          EXPECT_NE(shape.alphabet.find(text[at]), std::string::npos) << text;
        }
      }
    }
  }
}

TEST(Placeholder, IsTheSameAtEachStartOfABottle) {
  for (const Shape& shape : shapes()) EXPECT_EQ(made(shape.value), made(shape.value));
}

TEST(Placeholder, IsAnotherForAnotherKeyPlaceOrName) {
  const std::string& value = shapes()[0].value;
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(made(value, source_number(i)));
  EXPECT_EQ(seen.size(), 100U);
  PlaceholderSource elsewhere = source_number(1);
  elsewhere.place += "2";
  seen.insert(made(value, elsewhere));
  seen.insert(made(value, source_number(1), "KEY2"));
  EXPECT_EQ(seen.size(), 102U);
}

// No function of the value may leave: two values of one shape have one placeholder.
TEST(Placeholder, TellsNothingOfTheValueButItsShape) {
  const std::string one = "sk-proj-Zq8Rw3Tn6yBv1KxMd5GhJ2Lf4Ck9Pe";
  const std::string two = "sk-proj-aB7cD2eF9gH4iJ1kL6mN3oP8qR5sT0";
  EXPECT_EQ(made(one), made(two));
  EXPECT_NE(made(one), made(two + "0"));
  EXPECT_NE(made(one).substr(8), made("sk-proj-Zq8Rw3Tn6yBv1KxMd5-hJ2Lf4Ck9Pe").substr(8));
}

TEST(Placeholder, SharesNoPieceWithTheValue) {
  for (const Shape& shape : shapes()) {
    const std::string text = made(shape.value);
    for (std::size_t at = 0; at + 16 <= text.size(); ++at) {
      EXPECT_EQ(shape.value.find(text.substr(at, 16)), std::string::npos) << text;
    }
  }
}

TEST(Placeholder, HasAChecksumIfTheValueHasOne) {
  const std::string body = "k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT";
  for (const std::string begin : {"ghp_", "gho_", "ghs_", "npm_"}) {
    const std::string text = made(begin + body + token_checksum(body));
    EXPECT_EQ(text.substr(34), token_checksum(text.substr(4, 30))) << text;
    EXPECT_NE(text.substr(4, 30), body);
  }
}

// A half of a value is looked for by itself, so a beginning that would be most of it is replaced.
TEST(Placeholder, KeepsNoBeginningThatIsHalfOfTheValue) {
  const std::string value = "sk-ant-admin01-Zq8Rw3Tn6yBv1KxMd5";
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(made(value, source_number(i)).substr(0, 16), value.substr(0, 16));
  }
  EXPECT_EQ(made(value).substr(0, 7), "sk-ant-");
}

}  // namespace
}  // namespace bottle::launcher
