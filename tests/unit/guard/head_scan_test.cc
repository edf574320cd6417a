#include "proxy/guard/head_scan.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace bottle {
namespace {

constexpr std::string_view kValue = "correct-horse-battery-staple-57";
// Of no account, and in pieces, so that scanners of source code do not take it for one.
const std::string kToken =
    std::string("sk-ant-") +
    "api03-R7xQ2mVk9LpZt4Nc8WbYs1HdGf6JuEa3TqXo5KrMiPzCvDnBwSyUhFgLe0AjIk2OtRxQmVp7NcZaAA";

class HeadScans : public ::testing::Test {
 protected:
  HeadScans() : set(std::move(*SecretSet::make({spec()}))) {}
  static SecretSpec spec() {
    return SecretSpec{"PASS", std::string(kValue), std::vector<std::string>{"home.test"}, false};
  }
  static RequestHead head(std::string target, std::string value) {
    RequestHead out;
    out.target = std::move(target);
    out.fields.add("x-text", value);
    return out;
  }
  // The part in which something is refused, or "".
  std::string refused(const RequestHead& asked, std::string_view host = "a.test",
                      Scheme scheme = Scheme::Https) {
    HeadScan scan(*set, space, clean, host, scheme);
    const auto found = scan.look(asked);
    notes = scan.notes().size();
    return found ? std::string(word(refusal(*found))) : "";
  }

  std::unique_ptr<const SecretSet> set;
  ScanSpace space{*set};
  CleanTexts clean;
  std::size_t notes = 0;
};

TEST_F(HeadScans, WhatIsRefusedIsRefusedEachTime) {
  const std::string secret(kValue);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(refused(head("/", "harmless")), "");
    EXPECT_EQ(refused(head("/" + secret, "harmless")), "secret_in_url");
    EXPECT_EQ(refused(head("/", secret)), "secret_in_header");
    EXPECT_EQ(refused(head("/", "harmless"), secret + ".test"), "secret_in_host");
  }
}

TEST_F(HeadScans, WhatIsCleanForOneDestinationIsNotCleanForAnother) {
  const std::string secret(kValue);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(refused(head("/", secret), "home.test"), "") << "it belongs there";
    EXPECT_EQ(refused(head("/", secret), "a.test"), "secret_in_header");
    EXPECT_EQ(refused(head("/", secret), "home.test", Scheme::Http), "secret_in_header");
  }
}

TEST_F(HeadScans, TheBordersOfNamesAndValuesCount) {
  RequestHead whole;
  whole.target = "/";
  whole.fields.add("x-a", "correct-horse-");
  whole.fields.add("x-b", "fine");
  EXPECT_EQ(refused(whole), "");
  RequestHead other;
  other.target = "/";
  other.fields.add("x-a", "correct-horse-x-bfine");
  EXPECT_EQ(refused(other), "");
  RequestHead cut_up;  // the same bytes of values, one behind the other
  cut_up.target = "/";
  cut_up.fields.add("x-a", "correct-horse-battery-");
  cut_up.fields.add("x-b", "staple-57");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(refused(cut_up), "secret_in_header");
}

TEST_F(HeadScans, WhatIsToldIsToldEachTime) {
  const RequestHead asked = head("/", kToken);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(refused(asked, "api.anthropic.com"), "");
    EXPECT_EQ(notes, 1U);
  }
  EXPECT_EQ(refused(asked, "a.test"), "secret_in_header");
}

TEST_F(HeadScans, ACleanTextIsLookedAtOnce) {
  const RequestHead asked = head("/a", "harmless");
  ASSERT_EQ(refused(asked), "");
  // Another set, with the marks of the first, which the class must never be given: the answer shows
  // whether the scanner was asked.
  const auto strict = std::move(*SecretSet::make({SecretSpec{"WORD", "harmless", {}, false}}));
  ScanSpace its_space(*strict);
  HeadScan same(*strict, its_space, clean, "a.test", Scheme::Https);
  EXPECT_FALSE(same.look(asked));
  CleanTexts fresh;
  HeadScan anew(*strict, its_space, fresh, "a.test", Scheme::Https);
  EXPECT_TRUE(anew.look(asked));
}

TEST_F(HeadScans, ManyTextsTakeNoMoreMemory) {
  for (int i = 0; i < 3000; ++i) EXPECT_EQ(refused(head("/" + std::to_string(i), "x")), "");
  EXPECT_EQ(refused(head("/1", std::string(kValue))), "secret_in_header");
}

}  // namespace
}  // namespace bottle
