#include "proxy/guard/answers/answer_set.h"

#include <algorithm>
#include <string>

#include "proxy/guard/answers/raw_database.h"
#include "proxy/guard/answers/words.h"

namespace bottle {

AnswerSet::Target& AnswerSet::word_target(WordIndex::Entry word, WordIndex::Find find) {
  const std::size_t at = words_.add(word, find);
  if (at == targets_.size()) targets_.emplace_back().word_size = word.text.size();
  return targets_[at];
}

AnswerSet::Target& AnswerSet::pair_target(WordIndex::Entry front, WordIndex::Entry back) {
  const std::size_t at = words_.add_pair(front, back);
  if (at == pair_targets_.size()) pair_targets_.emplace_back();
  return pair_targets_[at];
}

void AnswerSet::add_words(std::span<const WordPhrase> phrases) {
  for (const WordPhrase& phrase : phrases) {
    patterns_.push_back(std::make_unique<const WordPattern>(phrase.words));
    const WordPattern& pattern = *patterns_.back();
    const auto add = [&](Target& target, std::uint16_t place) {
      const bool known = std::ranges::any_of(target.candidates, [&](const Candidate& other) {
        return other.pattern == &pattern && other.place == place;
      });
      if (known) return;
      target.candidates.push_back(
          {&pattern, place, phrases_, phrase.what, phrase.weight, phrase.use});
    };
    for (const WordPattern::Anchor& anchor : pattern.anchors()) {
      if (anchor.behind) {
        add(pair_target(anchor.word, *anchor.behind), anchor.place);
        add(word_target(anchor.word, WordIndex::Find::AtEnds), anchor.place);
      } else {
        add(word_target(anchor.word, WordIndex::Find::Always), anchor.place);
      }
    }
    ++phrases_;
  }
}

void AnswerSet::add_trigger(std::string_view trigger) {
  const TriggerWord word = word_of(trigger);
  const WordIndex::Entry entry{word.word, word.open};
  // With its next word, if nothing else stands between them.
  const std::string_view rest = trigger.substr(word.offset + word.word.size());
  const std::size_t behind = rest.find_first_not_of(" .-/_");
  if (behind != std::string_view::npos && in_word(rest[behind])) {
    const TriggerWord next = word_of(rest);
    if (!next.open || next.word.size() >= WordIndex::kLeastOpen) {
      pair_target(entry, {next.word, next.open}).triggers.push_back({trigger, word});
      word_target(entry, WordIndex::Find::AtEnds).triggers.push_back({trigger, word});
      return;
    }
  }
  word_target(entry, WordIndex::Find::Always).triggers.push_back({trigger, word});
}

// Words that only triggers and addresses need are found only where those can be.
void AnswerSet::limit_words() {
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const Target& target = targets_[i];
    if (!target.candidates.empty()) continue;
    WordIndex::Neighbours all;
    const auto add = [&all](const WordIndex::Neighbours& more) {
      all.before |= more.before;
      all.behind |= more.behind;
    };
    for (const Trigger& trigger : target.triggers) add(neighbours_of(trigger.text, trigger.word));
    if (target.leads_address) add(neighbours_of_address(target.address));
    words_.set_neighbours(i, all);
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
  for (const std::string_view trigger : triggers()) set->add_trigger(trigger);
  for (const std::string_view word : {"http", "https", "src", "href", "data"}) {
    Target& target = set->word_target({word, false}, WordIndex::Find::Always);
    target.leads_address = true;
    target.address = word;
  }
  set->limit_words();
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
