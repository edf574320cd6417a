#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// A pattern of words, compared backwards from its last word. Its text: words in a row; "(a|b c)" one
// of these; "?", "{m,n}" after a parenthesis or word how often; "@" any word; "ignor*" a word that
// begins so. What is between two words does not matter: spaces, line breaks, punctuation, markup.
// The last word stands for all that begin with it, so that nothing behind it need be known.
class WordPattern {
 public:
  // The text is one of ours: a mistake in it is an exception (std::logic_error).
  explicit WordPattern(std::string_view text);

  struct Ending {
    std::string word;
    std::uint16_t place = 0;
  };
  // The words that it can end with.
  [[nodiscard]] const std::vector<Ending>& endings() const noexcept { return endings_; }
  // True if `before`, the text in front of an ending's word, ends with the rest of the pattern.
  // Looks at kMaxWords words at most.
  [[nodiscard]] bool matches(ByteView before, std::uint16_t place) const;
  static constexpr std::size_t kMaxWords = 40;

 private:
  friend class WordPatternParser;
  struct Word {
    std::string text;
    bool open = false;  // a word that begins so
  };
  // One place of the pattern where a word stands, of those that it can be.
  struct Place {
    std::vector<Word> words;
    bool any = false;
    bool first = false;                 // the pattern may begin with it
    std::vector<std::uint16_t> before;  // the places that may stand in front of it
    [[nodiscard]] bool takes(ByteView word) const noexcept;
  };

  std::vector<Place> places_;
  std::vector<Ending> endings_;
};

// The word that ends where `text` ends, in lower case, after whatever stands behind it; `text` is
// shortened to what is in front of it. Empty: there is none, or it is farther than a phrase reaches.
class LastWord {
 public:
  [[nodiscard]] ByteView take(ByteView& text) noexcept;

 private:
  static constexpr std::size_t kMaxGap = 32;
  static constexpr std::size_t kMaxWord = 24;  // longer ones are no word of a pattern
  char word_[kMaxWord];
};

}  // namespace bottle
