#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// UTF-8 beyond ASCII is part of a word, and an apostrophe between letters.
constexpr bool in_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '\'' ||
         static_cast<unsigned char>(c) >= 0x80;
}

[[nodiscard]] bool is_ascii(ByteView text) noexcept;

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// The words in front of a place in a text, the nearest first, in lower case: taken apart as far as
// they are asked for. `text` outlives it.
class WordsBefore {
 public:
  static constexpr std::size_t kWordSize = 23;  // longer ones are no word of a pattern

  explicit WordsBefore(ByteView text) noexcept : text_(text) {}
  // Empty: there is none, or it is farther than a phrase reaches.
  [[nodiscard]] ByteView at(std::size_t index) noexcept;

 private:
  static constexpr std::size_t kWords = 40;
  static constexpr std::size_t kGap = 32;
  struct Word {
    char text[kWordSize];  // at its end
    std::uint8_t size;
  };
  [[nodiscard]] bool take(Word& word) noexcept;

  ByteView text_;
  std::size_t count_ = 0;
  std::array<Word, kWords> words_;
};

// The words behind a place in a text, the nearest first, in lower case: taken apart as far as they
// are asked for. `text` outlives it.
class WordsAfter {
 public:
  static constexpr std::size_t kTextSize = 512;

  explicit WordsAfter(ByteView text) noexcept : text_(text.substr(0, kTextSize)) {}
  struct Word {
    ByteView text;          // empty: there is none, or it is farther than a phrase reaches
    bool complete = false;  // it ends here; otherwise the text may go on with it
    std::size_t begin = 0;  // where it begins, counted from the place
  };
  [[nodiscard]] Word at(std::size_t index) noexcept;

 private:
  static constexpr std::size_t kWords = 40;
  static constexpr std::size_t kGap = 32;
  static constexpr std::size_t kWordSize = 23;
  struct Place {
    std::uint16_t begin;
    std::uint8_t size;
    bool complete;
  };
  void take(Place& word) noexcept;

  ByteView text_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  std::array<Place, kWords> words_;
  std::array<char, kTextSize> lower_;
};

}  // namespace bottle
