#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bottle::launcher {

// The text as a string of JSON. It has no control characters.
std::string json_string(std::string_view text);

// Lines of a JSON list or object, some of them comments. The commas go where they belong: also once
// the comment marks before an option are taken away.
class OptionLines {
 public:
  explicit OptionLines(std::string indent) : indent_(std::move(indent)) {}

  // Words for people. They begin with a letter: what begins with a quote or a brace is an option.
  void comment(const std::string& text) { lines_.push_back({Kind::kComment, text}); }
  void entry(const std::string& text) { lines_.push_back({Kind::kEntry, text}); }
  // An entry that is left out, and why. Options stand before the entries, and so end with a comma
  // unless there is no entry; then one of them can be taken.
  void option(const std::string& why, const std::string& text) {
    options_.push_back({Kind::kComment, why});
    options_.push_back({Kind::kOption, text});
  }

  std::string text() const;

 private:
  enum class Kind : std::uint8_t { kComment, kEntry, kOption };
  struct Line {
    Kind kind;
    std::string text;
  };
  std::string indent_;
  std::vector<Line> lines_;
  std::vector<Line> options_;
};

}  // namespace bottle::launcher
