#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/guard/answers/word_index.h"

namespace bottle {

// Strings of which each text that a RawPhrase matches has one: only near them the matcher looks.
// In lower case, for any case. ' ' stands for at most three bytes of white space, '.' for any byte,
// '%' for one that people draw lines with, '&' for ':' or '>'. An escape and the words of other
// scripts (foreign_triggers()) are triggers, too.
[[nodiscard]] std::span<const std::string_view> triggers();
[[nodiscard]] std::span<const std::string_view> foreign_triggers();

// The word of a trigger by which it is found.
struct TriggerWord {
  std::string_view word;
  std::size_t offset = 0;  // in the trigger
  bool open = false;       // it may go on
};
[[nodiscard]] TriggerWord word_of(std::string_view trigger) noexcept;
// True if the trigger stands around its word, which begins at `at`.
[[nodiscard]] bool stands_around(std::string_view trigger, const TriggerWord& word, ByteView text,
                                 std::size_t at) noexcept;

// The bytes that may stand next to the word of a trigger, or of one that leads an address.
[[nodiscard]] WordIndex::Neighbours neighbours_of(std::string_view trigger,
                                                  const TriggerWord& word);
[[nodiscard]] WordIndex::Neighbours neighbours_of_address(std::string_view word);

// Of a word that may lead an address ("http", "https", "src", "href", "data") and begins at `at`:
// behind the '?' of the address, if it is an image's or link's and has one; otherwise 0.
[[nodiscard]] std::size_t question_behind(ByteView text, std::size_t at) noexcept;

}  // namespace bottle
