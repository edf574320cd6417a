#include "proxy/guard/short_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "proxy/guard/secret_scanner.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {
namespace {

// Of all texts that a part of a pattern matches: how many printable bytes they have behind each
// other, at least.
struct Runs {
  std::size_t first = 0;  // at the beginning
  std::size_t last = 0;   // at the end
  std::size_t best = 0;
  bool whole = true;  // nothing else is in them
};

Runs one_byte(bool printable) {
  const std::size_t size = printable ? 1 : 0;
  return {.first = size, .last = size, .best = size, .whole = printable};
}

Runs joined(const Runs& a, const Runs& b) {
  return {.first = a.whole ? a.first + b.first : a.first,
          .last = b.whole ? a.last + b.last : b.last,
          .best = std::max({a.best, b.best, a.last + b.first}),
          .whole = a.whole && b.whole};
}

Runs either(const Runs& a, const Runs& b) {
  return {.first = std::min(a.first, b.first),
          .last = std::min(a.last, b.last),
          .best = std::min(a.best, b.best),
          .whole = a.whole && b.whole};
}

// Reads what the tables' patterns have of the dialect.
class PatternRuns {
 public:
  explicit PatternRuns(std::string_view pattern) : pattern_(pattern) {}

  Runs of_all() {
    const Runs runs = alternatives();
    EXPECT_EQ(at_, pattern_.size()) << pattern_;
    return runs;
  }

 private:
  [[nodiscard]] bool has(char c) const { return at_ < pattern_.size() && pattern_[at_] == c; }

  Runs alternatives() {
    Runs runs = sequence();
    while (has('|')) {
      ++at_;
      runs = either(runs, sequence());
    }
    return runs;
  }

  Runs sequence() {
    Runs runs;
    while (at_ < pattern_.size() && !has('|') && !has(')')) runs = joined(runs, repeated());
    return runs;
  }

  Runs repeated() {
    const Runs one = atom();
    std::size_t least = 1;
    bool more = true;
    if (has('*') || has('?')) {
      least = 0;
      ++at_;
    } else if (has('+')) {
      ++at_;
    } else if (has('{')) {
      const std::size_t end = pattern_.find('}', at_);
      const std::string_view counts = pattern_.substr(at_ + 1, end - at_ - 1);
      least = std::stoul(std::string(counts));
      more = counts.find(',') != std::string_view::npos;
      at_ = end + 1;
    } else {
      more = false;
    }
    Runs runs;
    for (std::size_t i = 0; i < least; ++i) runs = joined(runs, one);
    return more ? joined(runs, Runs{.whole = one.whole}) : runs;
  }

  Runs atom() {
    const char c = pattern_[at_++];
    if (c == '^') return {};
    if (c == '[') return bracket();
    if (c == '.') return one_byte(false);
    if (c == '\\') {
      // White space is printable here; so are the punctuation and the classes of ASCII.
      EXPECT_NE(std::string_view("sdw.+-/$?()[]{}|*^\\").find(pattern_[at_]),
                std::string_view::npos)
          << pattern_;
      ++at_;
      return one_byte(true);
    }
    if (c != '(') return one_byte(c >= ' ' && c < 0x7f);
    // "?:" or flags.
    if (has('?')) at_ = pattern_.find(':', at_) + 1;
    const Runs runs = alternatives();
    EXPECT_TRUE(has(')')) << pattern_;
    ++at_;
    return runs;
  }

  // One that excludes bytes may match any other byte.
  Runs bracket() {
    const bool excludes = has('^');
    std::size_t i = at_ + (excludes ? 1 : 0);
    for (std::size_t first = i; pattern_[i] != ']' || i == first; ++i) {
      if (pattern_[i] == '\\') ++i;
    }
    at_ = i + 1;
    return one_byte(!excludes);
  }

  const std::string_view pattern_;
  std::size_t at_ = 0;
};

TEST(ShortText, EachShapeHasARunOfPrintableBytes) {
  for (const auto shapes : {token_shapes(), financial_shapes()}) {
    for (const TokenShape& shape : shapes) {
      EXPECT_GE(PatternRuns(shape.pattern).of_all().best, kPrintableInShape) << shape.name;
    }
  }
}

constexpr std::string_view kValue = "q7Rk2ZpT9wXc4LmV8sNd1HyB6fGjU3aEoQ5iKtYx";
constexpr std::string_view kShortValue = "k7Qw2ZxR";

std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string out;
  while (out.size() < size) out += static_cast<char>(random());
  return out;
}

// Something that a view undoes, or that is looked for.
std::string piece(std::mt19937& random) {
  const std::string value(random() % 2 == 0 ? kValue.substr(random() % 2 * 20, 20) : kShortValue);
  switch (random() % 6) {
    case 0:
      return value;
    case 1: {
      std::string wide;
      for (const char c : value) wide.append(1, c).append(1, static_cast<char>(random() % 32));
      return wide;
    }
    case 2: {
      std::string escaped;
      for (const char c : value) escaped.append(1, c).append(random() % 3 == 0 ? "\\t" : "");
      return escaped;
    }
    case 3: {
      std::string hidden;
      for (const char c : value) hidden.append(1, c).append("\xe2\x80\x8b");
      return hidden;
    }
    case 4:
      return "AKIA" + std::string("QW7RT2ZXKV5MNB3H");
    default:
      return "=" + value.substr(0, 4) + "=5F=\n";
  }
}

TEST(ShortText, NothingIsFoundInWhatTellsNothing) {
  auto set = SecretSet::make(
      {SecretSpec{.name = "LONG", .value = std::string(kValue), .hosts = {}, .in_body = false},
       SecretSpec{
           .name = "SHORT", .value = std::string(kShortValue), .hosts = {}, .in_body = false}});
  ASSERT_TRUE(set);
  ScanSpace space(**set);
  std::mt19937 random(11);
  int silent = 0;
  int found = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = random_bytes(random, random() % 30);
    if (i % 2 == 0) text += piece(random) + random_bytes(random, random() % 8);
    text.resize(std::min(text.size(), kShortText));
    const bool tells = may_tell(text, (*set)->impl());
    SecretScanner scanner(**set, space, "example.com", Scheme::Https);
    const auto finds = scanner.find_all(text);
    EXPECT_TRUE(tells || (finds.empty() && scanner.notes().empty())) << text;
    silent += tells ? 0 : 1;
    found += finds.empty() ? 0 : 1;
  }
  EXPECT_GT(silent, 7000);
  EXPECT_GT(found, 3000);
}

}  // namespace
}  // namespace bottle
