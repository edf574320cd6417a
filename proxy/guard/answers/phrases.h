#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/guard/answers/answer_class.h"

namespace bottle {

// What a match means.
enum class PhraseUse : std::uint8_t {
  Sign,     // counts `weight` for its class
  Link,     // the address of an image or link, up to its '?'
  Discuss,  // the text speaks about attacks: signs near it count half
  Fence,    // ``` at a line's start
};

// A phrase of words (WordPattern): its last word is looked for, and from there the words in front
// of it are compared.
struct WordPhrase {
  AnswerClass what;
  std::uint8_t weight;
  std::string_view words;
  PhraseUse use = PhraseUse::Sign;
};

// A pattern in the matcher's own language. Each has a rare literal, and no count that is large:
// both would cost the matcher its speed.
struct RawPhrase {
  AnswerClass what;
  std::uint8_t weight;
  std::string_view expression;
  PhraseUse use = PhraseUse::Sign;
};

// The tables, a file each.
[[nodiscard]] std::span<const WordPhrase> override_phrases();
[[nodiscard]] std::span<const WordPhrase> foreign_phrases();
[[nodiscard]] std::span<const WordPhrase> authority_phrases();
[[nodiscard]] std::span<const WordPhrase> tool_phrases();
[[nodiscard]] std::span<const WordPhrase> credential_phrases();
[[nodiscard]] std::span<const RawPhrase> mark_patterns();
[[nodiscard]] std::span<const RawPhrase> command_patterns();
[[nodiscard]] std::span<const RawPhrase> terminal_patterns();

}  // namespace bottle
