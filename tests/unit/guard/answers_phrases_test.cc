#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/guard/answers/cheapest_cut.h"
#include "proxy/guard/answers/text_watch.h"
#include "tests/unit/guard/answer_cases.h"

namespace bottle::test {
namespace {

// Makes texts of the words of a WordPattern.
class PhraseSamples {
 public:
  explicit PhraseSamples(std::string_view pattern) : pattern_(pattern) {}

  std::string next() {
    at_ = 0;
    return alternatives();
  }

 private:
  [[nodiscard]] char peek() const { return at_ < pattern_.size() ? pattern_[at_] : '\0'; }
  std::size_t below(std::size_t end) { return random_() % end; }

  std::string alternatives() {
    std::vector<std::string> all{sequence()};
    while (peek() == '|') {
      ++at_;
      all.push_back(sequence());
    }
    return all[below(all.size())];
  }
  std::string sequence() {
    std::string text;
    while (peek() != '\0' && peek() != '|' && peek() != ')') {
      if (peek() == ' ') {
        ++at_;
        continue;
      }
      const std::size_t begin = at_;
      (void)item();
      std::size_t least = 1;
      std::size_t most = 1;
      if (peek() == '?') {
        least = 0;
        ++at_;
      } else if (peek() == '{') {
        least = static_cast<std::size_t>(pattern_[at_ + 1] - '0');
        most = static_cast<std::size_t>(pattern_[at_ + 3] - '0');
        at_ += 5;
      }
      const std::size_t end = at_;
      const std::size_t times = least + below(most - least + 1);
      for (std::size_t i = 0; i < times; ++i) {
        at_ = begin;
        text += kBetween[below(kBetween.size())] + item();
      }
      at_ = end;
    }
    return text;
  }
  std::string item() {
    if (peek() == '(') {
      ++at_;
      std::string text = alternatives();
      ++at_;
      return text;
    }
    const std::size_t end = std::min(pattern_.find_first_of(" ()|{?", at_), pattern_.size());
    std::string word(pattern_.substr(at_, end - at_));
    at_ = end;
    if (word == "@") return kAny[below(kAny.size())];
    if (word.ends_with('*')) word.replace(word.size() - 1, 1, below(2) == 0 ? "" : "ing");
    if (below(4) == 0) word[0] = static_cast<char>(std::toupper(word[0]));
    return word;
  }

  const std::vector<std::string> kAny{"river", "o'clock", "x", "tables", "of"};
  const std::vector<std::string> kBetween{" ", "\n", ", ", " - ", "  "};
  std::string_view pattern_;
  std::size_t at_ = 0;
  std::mt19937 random_{1};
};

class Nothing final : public FoundListener {
 public:
  void found(AnswerClass, std::uint64_t) override {}
};

// In the middle of a text, where only the words that the set has chosen of a phrase are looked for.
TEST(AnswerPhrases, TextOfAPhraseIsFoundByTheWordsChosenOfIt) {
  std::string filler;
  while (filler.size() < 2100) filler += "lorem ipsum dolor ";
  AnswerSpace space(answer_set());
  Nothing nothing;
  for (const auto phrases : {override_phrases(), foreign_phrases(), authority_phrases(),
                             tool_phrases(), credential_phrases()}) {
    for (const WordPhrase& phrase : phrases) {
      PhraseSamples samples(phrase.words);
      for (int i = 0; i < 40; ++i) {
        const std::string sample = samples.next();
        TextWatch watch(answer_set(), space.scratch(), nothing);
        watch.feed(filler + sample + " " + filler);
        watch.finish();
        // It counts half where it speaks of attacks, too.
        EXPECT_GE(watch.heaviest(), phrase.weight / 2U) << sample << "\n  of " << phrase.words;
      }
    }
  }
}

TEST(CheapestCuts, HaveAnEdgeOfEachWay) {
  CheapestCut graph(4);
  EXPECT_EQ(graph.add(0, 1, 5), 0U);
  EXPECT_EQ(graph.add(0, 2, 5), 1U);
  EXPECT_EQ(graph.add(1, 3, 2), 2U);
  EXPECT_EQ(graph.add(2, 3, 9), 3U);
  EXPECT_EQ(graph.find(0, 3), (std::vector<std::size_t>{1, 2}));
}

TEST(CheapestCuts, AreEmptyIfAWayCannotBeCut) {
  CheapestCut graph(3);
  graph.add(0, 1, CheapestCut::kNever);
  graph.add(1, 2, CheapestCut::kNever);
  EXPECT_TRUE(graph.find(0, 2).empty());
}

}  // namespace
}  // namespace bottle::test
