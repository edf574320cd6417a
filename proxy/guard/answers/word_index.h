#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// Finds the words of a list in a text, in any case. The beginning of each word of the text, four
// letters at most, is looked up in a filter of bits: a few GB/s where hardly any is of the list.
// Immutable once built; used by any number of threads.
class WordIndex {
 public:
  // A number for a word in lower case; the same word has the same. `open`: all words that begin so;
  // such a word has three letters at least.
  std::size_t add(std::string_view word, bool open);
  // After the last add().
  void build();

  // Told of each find, in the order of the text.
  class Listener {
   public:
    virtual void word(std::size_t index, std::size_t begin) = 0;
    virtual void fence(std::size_t end) = 0;  // ``` or ~~~ at a line's start

   protected:
    ~Listener() = default;
  };
  // Of the words that begin in [from, to) of the text. A word that the text's end may cut off is
  // found only if the list has all that begin so.
  void scan(ByteView text, std::size_t from, std::size_t to, Listener& listener) const;

 private:
  struct Word {
    std::string text;
    bool open = false;
  };
  // The first eight bytes of a word, as far as it has them.
  struct Slot {
    std::uint64_t beginning = 0;
    std::uint64_t mask = 0;
    std::uint32_t hash = 0;
    std::uint32_t word = 0;
  };
  static constexpr unsigned kBits = 14;

  static std::uint32_t hash(std::uint32_t key) noexcept {
    return (key * 0x9e3779b1u) >> (32 - kBits);
  }
  void look_up(ByteView text, std::size_t at, std::uint32_t hash, Listener& listener) const;
  [[nodiscard]] static bool stands_at(const Word& word, ByteView text, std::size_t at);

  std::vector<Word> words_;
  std::vector<std::uint64_t> filter_;
  std::vector<Slot> slots_;  // by hash
  std::vector<std::uint32_t> starts_;
};

}  // namespace bottle
