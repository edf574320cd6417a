#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/answers/words.h"

namespace bottle {

// A pattern of words. Its text: words in a row; "(a|b c)" one of these; "?", "{m,n}" after a
// parenthesis or word how often; "@" any word; "ignor*" a word that begins so. What is between two
// words does not matter: spaces, line breaks, punctuation, markup. The last word stands for all
// that begin with it, so that nothing behind it need be known.
//
// It is compared from an anchor on, in both directions. Every text that it matches has a word of
// one of its anchors: those are chosen that are the rarest in English.
class WordPattern {
 public:
  // The text is one of ours: a mistake in it is an exception (std::logic_error).
  explicit WordPattern(std::string_view text);

  struct Anchor {
    std::string word;
    bool open = false;  // a word that begins so
    std::uint16_t place = 0;
  };
  [[nodiscard]] const std::vector<Anchor>& anchors() const noexcept { return anchors_; }
  // True if the words in front of an anchor's word are the pattern's beginning.
  [[nodiscard]] bool begins(WordsBefore& words, std::uint16_t place) const;
  // Where the pattern ends first if it goes on with the words behind an anchor's word: counted from
  // the end of that. A word that is not complete is none, but as the last one.
  [[nodiscard]] std::optional<std::size_t> ends(WordsAfter& words, std::uint16_t place) const;

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

  // Costs of a set of places as anchors.
  [[nodiscard]] unsigned cost(const std::vector<std::uint16_t>& places) const;
  [[nodiscard]] bool all_pass(std::uint16_t place) const;
  void choose_anchors();

  std::vector<Place> places_;
  std::vector<Anchor> anchors_;
};

}  // namespace bottle
