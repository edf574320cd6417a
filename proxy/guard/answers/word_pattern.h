#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/answers/word_index.h"
#include "proxy/guard/answers/words.h"

namespace bottle {

// A pattern of words. Its text: words in a row; "(a|b c)" one of these; "?", "{m,n}" after a
// parenthesis or word how often; "@" any word; "ignor*" a word that begins so. The gap between two
// words does not matter: spaces, line breaks, punctuation, markup. The last word stands for all
// that begin with it, so that nothing behind it need be known.
//
// It is compared from an anchor on, in both directions. Each text that it matches has an anchor:
// those words, and pairs of words in a row, are chosen that are the rarest in English.
class WordPattern {
 public:
  // The text is one of ours: a mistake in it is an exception (std::logic_error).
  explicit WordPattern(std::string_view text);
  WordPattern(const WordPattern&) = delete;
  WordPattern& operator=(const WordPattern&) = delete;

  struct Anchor {
    WordIndex::Entry word;
    std::optional<WordIndex::Entry> behind;  // the word behind it
    std::uint16_t place = 0;
  };
  // Lives as long as this.
  [[nodiscard]] const std::vector<Anchor>& anchors() const noexcept { return anchors_; }
  // True if a word, in lower case, may stand at an anchor.
  [[nodiscard]] bool takes(ByteView word, std::uint16_t place) const {
    return places_[place].takes(word);
  }
  // Where the pattern ends first if it matches with an anchor's word between these words: counted
  // from the end of that. A word that is not complete is none, but as the last one.
  [[nodiscard]] std::optional<std::size_t> match(WordsBefore& before, WordsAfter& after,
                                                 std::uint16_t place) const;

 private:
  friend class WordPatternParser;
  struct Word {
    std::string text;
    bool open = false;  // a word that begins so
  };
  // One place of the pattern where a word stands, of those that it can be.
  struct Place {
    std::vector<Word> words;
    std::uint32_t letters = 0;  // a bit for the first byte of each
    bool any = false;
    bool first = false;                 // the pattern may begin with it
    bool last = false;                  // and end with it
    std::vector<std::uint16_t> before;  // the places that may stand in front of it
    std::vector<std::uint16_t> after;
    std::uint32_t letters_before = 0;  // of all that may stand in front of it
    std::uint32_t letters_after = 0;
    static std::uint32_t letter(ByteView word) noexcept {
      return std::uint32_t{1} << (static_cast<unsigned char>(word.front()) % 32);
    }
    [[nodiscard]] bool takes(ByteView word) const noexcept;
    // The size of a word of its own that `word` begins with; 0: there is none.
    [[nodiscard]] std::size_t takes_beginning(ByteView word) const noexcept;
  };

  static constexpr std::size_t kPlaces = 128;
  // A set of places.
  class Places {
   public:
    void add(std::size_t place) noexcept { bits_[place / 64] |= std::uint64_t{1} << (place % 64); }
    void add(const Places& more) noexcept {
      bits_[0] |= more.bits_[0];
      bits_[1] |= more.bits_[1];
    }
    [[nodiscard]] bool any() const noexcept { return (bits_[0] | bits_[1]) != 0; }
    // Of a set that has any.
    [[nodiscard]] std::size_t first() const noexcept {
      const std::size_t half = bits_[0] != 0 ? 0 : 1;
      return 64 * half + static_cast<std::size_t>(std::countr_zero(bits_[half]));
    }
    void drop_first() noexcept {
      std::uint64_t& half = bits_[bits_[0] != 0 ? 0 : 1];
      half &= half - 1;
    }

   private:
    std::array<std::uint64_t, kPlaces / 64> bits_{};
  };

  // The words in front of a place's are the pattern's beginning.
  [[nodiscard]] bool begins(WordsBefore& words, std::uint16_t place) const;
  [[nodiscard]] std::optional<std::size_t> ends(WordsAfter& words, std::uint16_t place) const;

  static constexpr std::int64_t kNoPlace = -1;
  // A step of a match: the word of a place, or that and the word of the place behind it.
  struct Step {
    std::uint16_t place = 0;
    std::int64_t behind = kNoPlace;
  };
  [[nodiscard]] std::int64_t cost(const Step& step) const;
  void choose_anchors();
  void add_anchors(const Step& step);

  std::vector<Place> places_;
  // By place: those that may stand in front of it, and behind it.
  std::vector<Places> before_;
  std::vector<Places> after_;
  std::vector<Anchor> anchors_;
};

}  // namespace bottle
