#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/unit/guard/answer_cases.h"
#include "tests/unit/guard/expression_samples.h"

namespace bottle::test {
namespace {

constexpr int kSamples = 300;

// Looks over a text as TextWatch does before it lets the matcher see anything.
class TriggerFinder final : public WordIndex::Listener {
 public:
  explicit TriggerFinder(ByteView text) : text_(text) {
    answer_set().words().scan(text, 0, text.size(), *this);
    found_ = found_ || text.find('\x1b') != ByteView::npos;
    for (const std::string_view foreign : foreign_triggers()) {
      found_ = found_ || text.find(foreign) != ByteView::npos;
    }
  }
  [[nodiscard]] bool found() const { return found_; }

 private:
  void word(std::size_t index, std::size_t begin) override {
    look(answer_set().target(index), begin);
  }
  void pair(std::size_t index, std::size_t begin) override {
    look(answer_set().pair_target(index), begin);
  }
  void fence(std::size_t) override {}
  void look(const AnswerSet::Target& target, std::size_t begin) {
    for (const AnswerSet::Trigger& trigger : target.triggers) {
      found_ = found_ || stands_around(trigger.text, trigger.word, text_, begin);
    }
  }

  ByteView text_;
  bool found_ = false;
};

// In the middle of a text: at its ends more is looked at.
std::string within_text(std::string_view sample) {
  std::string filler;
  while (filler.size() < 1024) filler += "lorem ipsum dolor ";
  return filler + std::string(sample) + " " + filler;
}

class Matches final : public MatchListener {
 public:
  explicit Matches(std::size_t id) : id_(id) {}
  bool matched(std::size_t id, unsigned long long) override {
    found = found || id == id_;
    return true;
  }
  bool found = false;

 private:
  std::size_t id_;
};

TEST(AnswerTriggers, TextThatAPatternMatchesHasATrigger) {
  std::size_t id = 0;
  MatchScratch scratch(answer_set().database());
  for (const auto phrases : {mark_patterns(), command_patterns(), terminal_patterns()}) {
    for (const RawPhrase& phrase : phrases) {
      ExpressionSamples samples(phrase.expression);
      std::string without;
      int matched = 0;
      for (int i = 0; i < kSamples; ++i) {
        const std::string text = within_text(samples.next());
        Matches matches(id);
        MatchStream stream(answer_set().database(), scratch);
        stream.scan(text, matches);
        if (!matches.found) continue;  // the text around it made it another
        ++matched;
        if (!TriggerFinder(text).found()) without = text.substr(1024, text.size() - 2048);
      }
      EXPECT_GE(matched, kSamples / 4) << "samples of " << phrase.expression;
      EXPECT_EQ(without, "") << "has no trigger, but is of " << phrase.expression;
      ++id;
    }
  }
}

TEST(AnswerTriggers, APatternWithoutATriggerIsNoticed) {
  ExpressionSamples samples(R"re(\bobey_(?:me|us)\s?:)re");
  for (int i = 0; i < kSamples; ++i) {
    EXPECT_FALSE(TriggerFinder(within_text(samples.next())).found());
  }
}

// A pair of words is found wherever the blocks of a scan are cut.
TEST(AnswerTriggers, WordsAndPairsAreFoundAtEveryPlace) {
  for (std::size_t before = 0; before < 200; ++before) {
    for (const std::string_view sample : {"<|im_start|>", "system prompt", "don''t system prompt",
                                          "it's system prompt", "'system prompt'"}) {
      std::string text(before, '.');
      for (std::size_t i = 3; i < before; i += 4) text[i] = 'a';
      text += " ";
      text += sample;
      text += std::string(200, '-');
      EXPECT_TRUE(TriggerFinder(text).found()) << sample << " behind " << before;
    }
  }
}

}  // namespace
}  // namespace bottle::test
