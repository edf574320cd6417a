#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// Finds words and pairs of words in a text, in any case. The beginnings of each word of the text
// and of the one before it, four letters at most, are looked up in filters of bits, which nearly
// all text passes. Immutable once built; used by any number of threads.
class WordIndex {
 public:
  // In lower case. `open`: all words that begin so; such a word has kLeastOpen letters at least.
  struct Entry {
    std::string_view text;
    bool open = false;
  };
  static constexpr std::size_t kLeastOpen = 3;
  // Found wherever it stands, or only where the index does not see which word is next to it: at the
  // beginning and the end of a scan. There pairs are found by their front.
  enum class Find : std::uint8_t { Always, AtEnds };

  // A number for a word; the same word found in the same way has the same.
  std::size_t add(Entry word, Find find);
  // The bytes in front of a word and behind it that it is found between.
  struct Neighbours {
    std::bitset<256> before;
    std::bitset<256> behind;  // does not count for an open word
  };
  void set_neighbours(std::size_t word, const Neighbours& neighbours);
  // A number for two words in a row, with anything but a word between them. More pairs may be told
  // than there are: those of words whose first letters are the same.
  std::size_t add_pair(Entry front, Entry back);
  // After the last add().
  void build();

  // Told of each find. `begin` is where the word, or the pair's front, begins.
  class Listener {
   public:
    virtual void word(std::size_t index, std::size_t begin) = 0;
    virtual void pair(std::size_t index, std::size_t begin) = 0;
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
    Find find = Find::Always;
    bool anywhere = true;  // otherwise between these:
    Neighbours neighbours{};
  };
  struct Pair {
    std::string front;
    std::string back;
    bool front_open = false;
    bool back_open = false;
  };
  struct PairSlot {
    std::uint32_t hash = 0;
    std::uint32_t front = 0;  // keys
    std::uint32_t back = 0;
    std::uint32_t pair = 0;
  };
  // The first eight bytes of a word, as far as it has them.
  struct Slot {
    std::uint64_t beginning = 0;
    std::uint64_t mask = 0;
    std::uint32_t word = 0;
    std::uint16_t bucket = 0;
    bool at_ends = false;
  };
  static constexpr unsigned kBits = 16;
  static constexpr unsigned kPairBits = 18;
  using Filter = std::vector<std::uint64_t>;
  struct Scan;

  static std::uint32_t hash(std::uint32_t key) noexcept {
    return (key * 0x9e3779b1u) >> (32 - kBits);
  }
  static std::uint32_t hash(std::uint32_t front, std::uint32_t back) noexcept {
    const std::uint64_t both = static_cast<std::uint64_t>(front) << 32 | back;
    return static_cast<std::uint32_t>((both * 0x9e3779b97f4a7c15u) >> (64 - kPairBits));
  }
  static void set(Filter& filter, std::uint32_t bit) noexcept {
    filter[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  void look_up(ByteView text, std::size_t at, std::uint32_t key, bool all,
               Listener& listener) const;
  void look_up_pair(std::size_t at, std::uint32_t front, std::uint32_t back,
                    Listener& listener) const;
  [[nodiscard]] static bool stands_between(const Word& word, ByteView text, std::size_t at);
  [[nodiscard]] static bool stands_at(const Word& word, ByteView text, std::size_t at);

  // While words are added: where each is in its list.
  using Known = std::unordered_map<std::string, std::size_t>;
  Known known_words_;
  Known known_pairs_;

  std::vector<Word> words_;
  Filter alone_ = Filter((std::size_t{1} << kBits) / 64);
  Filter pairs_ = Filter((std::size_t{1} << kPairBits) / 64);
  std::vector<Slot> slots_;  // by hash
  std::vector<std::uint32_t> starts_;
  std::vector<Pair> pair_list_;
  std::vector<PairSlot> pair_slots_;  // by hash
  std::vector<std::uint32_t> pair_starts_;
};

}  // namespace bottle
