#include "proxy/guard/answers/answer_set.h"

#include <algorithm>
#include <string>

namespace bottle {

void AnswerSet::add_words(std::span<const WordPhrase> phrases,
                          std::vector<MatchPattern>& patterns) {
  for (const WordPhrase& phrase : phrases) {
    patterns_.push_back(std::make_unique<const WordPattern>(phrase.words));
    const WordPattern& pattern = *patterns_.back();
    for (const WordPattern::Ending& ending : pattern.endings()) {
      const auto known =
          std::find_if(patterns.begin(), patterns.end(),
                       [&](const MatchPattern& other) { return other.expression == ending.word; });
      const auto at = static_cast<std::size_t>(known - patterns.begin());
      if (known == patterns.end()) {
        patterns.push_back({ending.word, true});
        targets_.push_back({ending.word.size(), {}});
      }
      targets_[at].candidates.push_back(
          {&pattern, ending.place, phrases_, phrase.what, phrase.weight, phrase.use});
    }
    ++phrases_;
  }
}

void AnswerSet::add_raw(std::span<const RawPhrase> phrases, bool any_case,
                        std::vector<MatchPattern>& patterns) {
  for (const RawPhrase& phrase : phrases) {
    patterns.push_back({std::string(phrase.expression), any_case});
    targets_.push_back({0, {{nullptr, 0, phrases_, phrase.what, phrase.weight, phrase.use}}});
    ++phrases_;
  }
}

Expected<std::unique_ptr<const AnswerSet>> AnswerSet::make() {
  std::unique_ptr<AnswerSet> set(new AnswerSet);
  std::vector<MatchPattern> patterns;
  set->add_words(override_phrases(), patterns);
  set->add_words(foreign_phrases(), patterns);
  set->add_words(authority_phrases(), patterns);
  set->add_words(tool_phrases(), patterns);
  set->add_words(credential_phrases(), patterns);
  set->add_raw(mark_patterns(), true, patterns);
  set->add_raw(command_patterns(), true, patterns);
  set->add_raw(terminal_patterns(), false, patterns);  // control sequences tell cases apart
  auto database = MatchDatabase::compile(patterns);
  if (!database) return database.error();
  set->database_ = std::make_unique<const MatchDatabase>(std::move(*database));
  return std::unique_ptr<const AnswerSet>(std::move(set));
}

}  // namespace bottle
