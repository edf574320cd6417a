#include "proxy/control/secret_book.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace bottle {
namespace {

const std::string kPlaceholder = "ghp_Xn3Vd8TqYc5Ls1WzKf6RmJ9bGh2PaUe4Oi7S";

// Random enough, and another one for each number.
std::string value_of(std::size_t number) {
  return "ghp_k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5a" + std::to_string(1000 + number);
}

SecretSpec kept_out(const std::string& name = "TOKEN") {
  SecretSpec spec;
  spec.name = name;
  spec.value = value_of(0);
  spec.hosts = {"api.test"};
  spec.kept_out = KeptOut{.placeholder = kPlaceholder};
  return spec;
}

SecretSpec plain() {
  SecretSpec spec;
  spec.name = "PLAIN";
  spec.value = "Zq8Rw3Tn6yBv1KxMd5GhJ2";
  return spec;
}

void rotate(SecretBook& book, const std::string& value) {
  auto change = book.with_values({{.name = "TOKEN", .value = value}});
  ASSERT_TRUE(change) << change.error().message;
  book.take(std::move(*change), std::chrono::system_clock::now());
}

TEST(SecretBook, ANewValueKeepsTheFormerOnes) {
  SecretBook book({kept_out(), plain()});
  EXPECT_FALSE(book.states()[0].since);
  rotate(book, value_of(1));
  rotate(book, value_of(2));
  EXPECT_EQ(book.secrets()[0].value, value_of(2));
  EXPECT_EQ(book.secrets()[0].former, (std::vector<std::string>{value_of(1), value_of(0)}));
  EXPECT_EQ(book.secrets()[0].kept_out->placeholder, kPlaceholder);
  EXPECT_TRUE(book.states()[0].since);
  rotate(book, value_of(1));  // back
  EXPECT_EQ(book.secrets()[0].former, (std::vector<std::string>{value_of(2), value_of(0)}));
}

TEST(SecretBook, FormerValuesAreBounded) {
  SecretBook book({kept_out()});
  for (std::size_t i = 1; i <= kMaxFormer + 5; ++i) rotate(book, value_of(i));
  ASSERT_EQ(book.secrets()[0].former.size(), kMaxFormer);
  EXPECT_EQ(book.secrets()[0].former.front(), value_of(kMaxFormer + 4));
  EXPECT_EQ(book.secrets()[0].former.back(), value_of(5));
}

TEST(SecretBook, TheSameValueIsNoChange) {
  const SecretBook book({kept_out()});
  const auto change = book.with_values({{.name = "TOKEN", .value = value_of(0)}});
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->names.empty());
}

TEST(SecretBook, AllOrNothing) {
  const SecretBook book({kept_out(), kept_out("OTHER"), plain()});
  const auto says = [&book](std::vector<NewSecret> values) {
    const auto change = book.with_values(std::move(values));
    return change ? std::string() : change.error().message;
  };
  EXPECT_NE(says({{"TOKEN", value_of(1)}, {"NONE", value_of(2)}}).find("no secret of that name"),
            std::string::npos);
  EXPECT_NE(says({{"PLAIN", value_of(1)}}).find("the agent itself has its value"),
            std::string::npos);
  EXPECT_NE(says({{"TOKEN", "short"}}), "");
  EXPECT_NE(says({{"TOKEN", kPlaceholder}}), "");
  EXPECT_NE(says({{"TOKEN", value_of(1) + "\n"}}), "");
  EXPECT_EQ(says({{"TOKEN", value_of(1) + "-and-longer-by-some"}}), "");
}

TEST(SecretBook, AnotherListForgetsNoValue) {
  SecretBook book({kept_out(), plain()});
  SecretSpec changed = kept_out();
  changed.value = value_of(1);
  SecretSpec fresh = plain();
  fresh.name = "FRESH";
  fresh.value = "Lf4Ck9Pe2sXu7HwQa0YoV3";
  auto change = book.with_list({changed, fresh});
  ASSERT_TRUE(change) << change.error().message;
  EXPECT_EQ(change->names, (std::vector<std::string>{"TOKEN", "FRESH", "PLAIN"}));
  ASSERT_EQ(change->secrets.size(), 3U);
  EXPECT_EQ(change->secrets[0].former, std::vector<std::string>{value_of(0)});
  EXPECT_EQ(change->secrets[2].value, plain().value);
  ASSERT_TRUE(change->secrets[2].hosts);
  EXPECT_TRUE(change->secrets[2].hosts->empty());
  book.take(std::move(*change), std::chrono::system_clock::now());
  const auto again = book.with_list({changed, fresh});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->names.empty());
  EXPECT_FALSE(book.with_list({changed, changed}));
}

TEST(SecretBook, Trouble) {
  SecretBook book({kept_out()});
  EXPECT_FALSE(book.note_trouble("NONE", "x"));
  EXPECT_TRUE(book.note_trouble("TOKEN", "the command failed"));
  EXPECT_EQ(book.states()[0].trouble, "the command failed");
  rotate(book, value_of(1));
  EXPECT_EQ(book.states()[0].trouble, "");
}

}  // namespace
}  // namespace bottle
