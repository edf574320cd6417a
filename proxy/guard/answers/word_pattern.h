#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// The words in front of a place in a text, the nearest first, in lower case: taken apart as far as
// they are asked for. `text` outlives it.
class WordsBefore {
 public:
  explicit WordsBefore(ByteView text) noexcept : text_(text) {}
  // Empty: there is none, or it is farther than a phrase reaches.
  [[nodiscard]] ByteView at(std::size_t index) noexcept;

 private:
  static constexpr std::size_t kMaxWords = 40;
  static constexpr std::size_t kMaxGap = 32;
  static constexpr std::size_t kMaxWord = 23;  // longer ones are no word of a pattern
  struct Word {
    char text[kMaxWord];  // at its end
    std::uint8_t size;
  };
  [[nodiscard]] bool take(Word& word) noexcept;

  ByteView text_;
  std::size_t count_ = 0;
  std::array<Word, kMaxWords> words_;
};

// A pattern of words, compared backwards from its last word. Its text: words in a row; "(a|b c)"
// one of these; "?", "{m,n}" after a parenthesis or word how often; "@" any word; "ignor*" a word
// that begins so. What is between two words does not matter: spaces, line breaks, punctuation,
// markup. The last word stands for all that begin with it, so that nothing behind it need be known.
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
  // True if the words in front of an ending's word are the rest of the pattern.
  [[nodiscard]] bool matches(WordsBefore& words, std::uint16_t place) const;

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

}  // namespace bottle
