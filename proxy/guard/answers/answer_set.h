#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/contract/error.h"
#include "proxy/guard/answers/phrases.h"
#include "proxy/guard/answers/word_pattern.h"
#include "proxy/guard/matcher.h"

namespace bottle {

// Everything that is looked for in answers, compiled once, beside the rest of the start. Immutable,
// shared by reference between threads; outlives every AnswerSpace and AnswerScanner made from it.
class AnswerSet {
 public:
  [[nodiscard]] static Expected<std::unique_ptr<const AnswerSet>> make();
  AnswerSet(const AnswerSet&) = delete;
  AnswerSet& operator=(const AnswerSet&) = delete;

  // What a match of the database may be the end of.
  struct Candidate {
    const WordPattern* pattern = nullptr;  // null: it is what the database matched
    std::uint16_t place = 0;
    std::uint16_t phrase = 0;  // its number
    AnswerClass what = AnswerClass::InstructionOverride;
    std::uint8_t weight = 0;
    PhraseUse use = PhraseUse::Sign;
  };
  struct Target {
    std::size_t word_size = 0;  // of the literal that matched, if it is a word
    std::vector<Candidate> candidates;
  };

  [[nodiscard]] const MatchDatabase& database() const noexcept { return *database_; }
  // Of a pattern's id.
  [[nodiscard]] const Target& target(std::size_t id) const noexcept { return targets_[id]; }

 private:
  AnswerSet() = default;
  void add_words(std::span<const WordPhrase> phrases, std::vector<MatchPattern>& patterns);
  void add_raw(std::span<const RawPhrase> phrases, bool any_case,
               std::vector<MatchPattern>& patterns);

  std::unique_ptr<const MatchDatabase> database_;
  std::vector<Target> targets_;
  std::vector<std::unique_ptr<const WordPattern>> patterns_;
  std::uint16_t phrases_ = 0;
};

// What all scanners of one thread use in turn. `set` outlives it.
class AnswerSpace {
 public:
  explicit AnswerSpace(const AnswerSet& set) : scratch_(set.database()) {}
  AnswerSpace(const AnswerSpace&) = delete;
  AnswerSpace& operator=(const AnswerSpace&) = delete;

  [[nodiscard]] MatchScratch& scratch() noexcept { return scratch_; }

 private:
  MatchScratch scratch_;
};

}  // namespace bottle
