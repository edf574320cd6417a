#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/guard/answers/answer_class.h"

namespace bottle {

// The meaning of a match.
enum class PhraseUse : std::uint8_t {
  Sign,     // counts `weight` for its class
  Discuss,  // the text speaks about attacks: signs near it count half
};

// A phrase of words (WordPattern): its rarest words are looked for, and from there the words around
// them are compared.
struct WordPhrase {
  AnswerClass what;
  std::uint8_t weight;
  std::string_view words;
  PhraseUse use = PhraseUse::Sign;
};

// A pattern in the matcher's own language. Whatever it matches has one of triggers(), which a test
// makes sure of: a new pattern may need a new one. No count is large: that would cost the matcher
// its speed.
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
