#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/contract/error.h"
#include "proxy/guard/answers/phrases.h"
#include "proxy/guard/answers/triggers.h"
#include "proxy/guard/answers/word_index.h"
#include "proxy/guard/answers/word_pattern.h"
#include "proxy/guard/matcher.h"

namespace bottle {

// Everything that is looked for in answers, made once, beside the rest of the start. Immutable,
// shared by reference between threads; outlives every AnswerSpace and AnswerScanner made from it.
class AnswerSet {
 public:
  [[nodiscard]] static Expected<std::unique_ptr<const AnswerSet>> make();
  AnswerSet(const AnswerSet&) = delete;
  AnswerSet& operator=(const AnswerSet&) = delete;

  // A phrase that a word, or a match of the database, may be of.
  struct Candidate {
    const WordPattern* pattern = nullptr;  // null: it is what the database matched
    std::uint16_t place = 0;
    std::uint16_t phrase = 0;  // its number
    AnswerClass what = AnswerClass::InstructionOverride;
    std::uint8_t weight = 0;
    PhraseUse use = PhraseUse::Sign;
  };
  struct Trigger {
    std::string_view text;
    TriggerWord word;
  };
  // The meaning of a word of the index, or of a pair.
  struct Target {
    std::size_t word_size = 0;  // 0: of a pair
    bool leads_address = false;
    std::string_view address;  // that word
    std::vector<Candidate> candidates;
    std::vector<Trigger> triggers;
  };

  [[nodiscard]] const WordIndex& words() const noexcept { return words_; }
  [[nodiscard]] const Target& target(std::size_t word) const noexcept { return targets_[word]; }
  [[nodiscard]] const Target& pair_target(std::size_t pair) const noexcept {
    return pair_targets_[pair];
  }
  [[nodiscard]] const MatchDatabase& database() const noexcept { return *database_; }
  // Of a pattern's id.
  [[nodiscard]] const Candidate& raw(std::size_t id) const noexcept { return raw_[id]; }

 private:
  AnswerSet() = default;
  Target& word_target(WordIndex::Entry word, WordIndex::Find find);
  Target& pair_target(WordIndex::Entry front, WordIndex::Entry back);
  void add_trigger(std::string_view trigger);
  void limit_words();
  void add_words(std::span<const WordPhrase> phrases);
  void add_raw(std::span<const RawPhrase> phrases);

  WordIndex words_;
  std::vector<Target> targets_;
  std::vector<Target> pair_targets_;
  std::unique_ptr<const MatchDatabase> database_;
  std::vector<Candidate> raw_;
  std::vector<std::unique_ptr<const WordPattern>> patterns_;
  std::uint16_t phrases_ = 0;
};

// Working memory of all scanners of one thread, in turn. `set` outlives it.
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
