#pragma once

#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bottle::test {

// Makes texts that an expression of the answers' patterns matches. Knows of PCRE what those use:
// literals, escapes, classes, groups, alternatives and counts. Anything else is an exception.
class ExpressionSamples {
 public:
  explicit ExpressionSamples(std::string_view expression, std::uint32_t seed = 1)
      : expression_(expression), random_(seed) {}

  std::string next() {
    at_ = 0;
    std::string text = alternatives();
    if (at_ != expression_.size()) fail();
    return text;
  }

 private:
  [[noreturn]] void fail() const {
    throw std::logic_error("cannot read the expression at " + std::to_string(at_) + ": " +
                           std::string(expression_));
  }
  [[nodiscard]] bool more() const { return at_ < expression_.size(); }
  [[nodiscard]] char peek() const { return more() ? expression_[at_] : '\0'; }
  std::size_t below(std::size_t end) { return random_() % end; }

  std::string alternatives() {
    std::vector<std::string> all{sequence()};
    while (peek() == '|') {
      ++at_;
      all.push_back(sequence());
    }
    return all[below(all.size())];
  }

  std::string sequence() {
    std::string text;
    while (more() && peek() != '|' && peek() != ')') {
      const std::size_t begin = at_;
      std::string one = item();
      const auto [least, most] = count();
      const std::size_t end = at_;
      const std::size_t times = least + below(most - least + 1);
      for (std::size_t i = 0; i < times; ++i) {
        at_ = begin;
        text += item();
      }
      at_ = end;
    }
    return text;
  }

  std::pair<std::size_t, std::size_t> count() {
    constexpr std::size_t kMany = 3;
    switch (peek()) {
      case '?':
        ++at_;
        return {0, 1};
      case '*':
        ++at_;
        return {0, kMany};
      case '+':
        ++at_;
        return {1, kMany};
      case '{': {
        const std::size_t end = expression_.find('}', at_);
        if (end == std::string_view::npos) fail();
        const std::string range(expression_.substr(at_ + 1, end - at_ - 1));
        at_ = end + 1;
        const std::size_t comma = range.find(',');
        const std::size_t least = std::stoul(range);
        return {least, comma == std::string::npos ? least : std::stoul(range.substr(comma + 1))};
      }
      default:
        return {1, 1};
    }
  }

  std::string item() {
    const char c = expression_[at_++];
    if (c == '(') {
      if (expression_.substr(at_, 2) == "?:") at_ += 2;
      std::string text = alternatives();
      if (peek() != ')') fail();
      ++at_;
      return text;
    }
    if (c == '[') return std::string(1, of_class());
    if (c == '.') return std::string(1, kAny[below(kAny.size())]);
    if (c != '\\') return std::string(1, c);
    const std::string set = escape();
    return set.empty() ? set : std::string(1, set[below(set.size())]);
  }

  // The bytes that an escape stands for; none: it stands for a place.
  std::string escape() {
    const char c = expression_[at_++];
    switch (c) {
      case 's':
        return " \n\t";
      case 'w':
        return "ax7_";
      case 'd':
        return "059";
      case 'n':
        return "\n";
      case 'b':
        return "";
      case 'x': {
        const int code = std::stoi(std::string(expression_.substr(at_, 2)), nullptr, 16);
        at_ += 2;
        return std::string(1, static_cast<char>(code));
      }
      default:
        return std::string(1, c);
    }
  }

  char of_class() {
    const bool other = peek() == '^';
    if (other) ++at_;
    std::string set;
    for (bool first = true; peek() != ']' || first; first = false) {
      if (!more()) fail();
      const char c = expression_[at_++];
      if (c == '\\') {
        set += escape();
      } else if (peek() == '-' && expression_[at_ + 1] != ']') {
        for (char in = c; in <= expression_[at_ + 1]; ++in) set += in;
        at_ += 2;
      } else {
        set += c;
      }
    }
    ++at_;
    if (!other) return set[below(set.size())];
    for (;;) {
      const char c = kAny[below(kAny.size())];
      if (set.find(c) == std::string::npos) return c;
    }
  }

  static constexpr std::string_view kAny = "aq5 -/.,x";
  std::string_view expression_;
  std::size_t at_ = 0;
  std::mt19937 random_;
};

}  // namespace bottle::test
