#include "proxy/guard/answers/answer_set.h"

#include <string>

#include "proxy/guard/answers/raw_database.h"

namespace bottle {

AnswerSet::Target& AnswerSet::add_word(std::string_view word, bool open) {
  const std::size_t at = words_.add(word, open);
  if (at == targets_.size()) targets_.emplace_back().word_size = word.size();
  return targets_[at];
}

void AnswerSet::add_words(std::span<const WordPhrase> phrases) {
  for (const WordPhrase& phrase : phrases) {
    patterns_.push_back(std::make_unique<const WordPattern>(phrase.words));
    const WordPattern& pattern = *patterns_.back();
    for (const WordPattern::Anchor& anchor : pattern.anchors()) {
      add_word(anchor.word, anchor.open)
          .candidates.push_back(
              {&pattern, anchor.place, phrases_, phrase.what, phrase.weight, phrase.use});
    }
    ++phrases_;
  }
}

void AnswerSet::add_raw(std::span<const RawPhrase> phrases) {
  for (const RawPhrase& phrase : phrases) {
    raw_.push_back({nullptr, 0, phrases_, phrase.what, phrase.weight, phrase.use});
    ++phrases_;
  }
}

Expected<std::unique_ptr<const AnswerSet>> AnswerSet::make() {
  std::unique_ptr<AnswerSet> set(new AnswerSet);
  set->add_words(override_phrases());
  set->add_words(foreign_phrases());
  set->add_words(authority_phrases());
  set->add_words(tool_phrases());
  set->add_words(credential_phrases());
  for (const std::string_view trigger : triggers()) {
    const TriggerWord word = word_of(trigger);
    set->add_word(word.word, word.open).triggers.push_back({trigger, word});
  }
  for (const std::string_view word : {"http", "https", "src", "href", "data"}) {
    set->add_word(word, false).leads_address = true;
  }
  set->words_.build();
  // In the order of raw_patterns().
  set->add_raw(mark_patterns());
  set->add_raw(command_patterns());
  set->add_raw(terminal_patterns());
  auto database = raw_database();
  if (!database) return database.error();
  set->database_ = std::make_unique<const MatchDatabase>(std::move(*database));
  return std::unique_ptr<const AnswerSet>(std::move(set));
}

}  // namespace bottle
