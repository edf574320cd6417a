#include "proxy/guard/answers/word_pattern.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <utility>

#include "proxy/guard/answers/cheapest_cut.h"
#include "proxy/guard/answers/word_cost.h"

namespace bottle {
bool WordPattern::Place::takes(ByteView word) const noexcept {
  if (any) return true;
  if ((letters & letter(word)) == 0) return false;
  return std::any_of(words.begin(), words.end(), [word](const Word& mine) {
    return mine.text.front() == word.front() &&
           (mine.open ? word.starts_with(mine.text) : word == mine.text);
  });
}

std::size_t WordPattern::Place::takes_beginning(ByteView word) const noexcept {
  std::size_t size = 0;
  if ((letters & letter(word)) == 0) return size;
  for (const Word& mine : words) {
    if (word.starts_with(mine.text) && (size == 0 || mine.text.size() < size)) {
      size = mine.text.size();
    }
  }
  return size;
}

bool WordPattern::begins(WordsBefore& words, std::uint16_t place) const {
  if (places_[place].first) return true;
  const ByteView nearest = words.at(0);
  if (nearest.empty() || (places_[place].letters_before & Place::letter(nearest)) == 0) {
    return false;
  }
  Places open = before_[place];
  for (std::size_t i = 0; open.any(); ++i) {
    const ByteView word = words.at(i);
    if (word.empty()) return false;
    const std::uint32_t letter = Place::letter(word);
    Places next;
    for (; open.any(); open.drop_first()) {
      const std::size_t at = open.first();
      const Place& one = places_[at];
      if ((one.letters & letter) == 0 || !one.takes(word)) continue;
      if (one.first) return true;
      next.add(before_[at]);
    }
    open = next;
  }
  return false;
}

std::optional<std::size_t> WordPattern::ends(WordsAfter& words, std::uint16_t place) const {
  if (places_[place].last) return 0;
  const ByteView nearest = words.at(0).text;
  if (nearest.empty() || (places_[place].letters_after & Place::letter(nearest)) == 0) {
    return std::nullopt;
  }
  Places open = after_[place];
  for (std::size_t i = 0; open.any(); ++i) {
    const WordsAfter::Word word = words.at(i);
    if (word.text.empty()) return std::nullopt;
    const std::uint32_t letter = Place::letter(word.text);
    std::size_t end = 0;
    Places next;
    for (; open.any(); open.drop_first()) {
      const std::size_t at = open.first();
      const Place& one = places_[at];
      if ((one.letters & letter) == 0) continue;
      const std::size_t last = one.last ? one.takes_beginning(word.text) : 0;
      if (last > 0 && (end == 0 || last < end)) end = last;
      if (word.complete && one.takes(word.text)) next.add(after_[at]);
    }
    if (end > 0) return word.begin + end;
    open = next;
  }
  return std::nullopt;
}

std::optional<std::size_t> WordPattern::match(WordsBefore& before, WordsAfter& after,
                                              std::uint16_t place) const {
  // First the side that fewer words pass.
  const Place& one = places_[place];
  if (std::popcount(one.letters_before) < std::popcount(one.letters_after)) {
    return begins(before, place) ? ends(after, place) : std::nullopt;
  }
  const auto end = ends(after, place);
  return end && begins(before, place) ? end : std::nullopt;
}

// How often a step makes the index stop, in hundredths of its finds in the pages that word_cost()
// was counted in. Every entry of its filters stops it at some words that are not meant, too.
std::int64_t WordPattern::cost(const Step& step) const {
  constexpr std::int64_t kAloneEntry = 300;
  constexpr std::int64_t kPairEntry = 20;
  constexpr std::int64_t kWordsCounted = 120;  // thousands; words that belong together are likelier
  const Place& place = places_[step.place];
  if (place.any) return CheapestCut::kNever;
  std::vector<std::int64_t> counts_behind;
  if (step.behind != kNoPlace) {
    const Place& behind = places_[static_cast<std::size_t>(step.behind)];
    if (behind.any) return CheapestCut::kNever;
    for (const Word& word : behind.words) {
      const bool open = word.open || behind.last;
      if (open && word.text.size() < WordIndex::kLeastOpen) return CheapestCut::kNever;
      counts_behind.push_back(word_cost(word.text, open));
    }
  }
  std::int64_t sum = 0;
  for (const Word& word : place.words) {
    const bool ends = step.behind == kNoPlace && place.last;
    const bool open = word.open || ends;
    if (open && word.text.size() < WordIndex::kLeastOpen) return CheapestCut::kNever;
    const std::int64_t count = word_cost(word.text, open);
    if (step.behind == kNoPlace) {
      sum += kAloneEntry + 100 * count;
      continue;
    }
    for (const std::int64_t behind : counts_behind) {
      sum += kPairEntry + count * behind / kWordsCounted;
    }
  }
  return sum;
}

void WordPattern::choose_anchors() {
  // A place is an edge between two nodes, and so is what may follow what.
  const std::size_t source = 2 * places_.size();
  const std::size_t sink = source + 1;
  CheapestCut graph(sink + 1);
  std::vector<Step> steps;
  const auto add = [&](std::size_t from, std::size_t to, const Step& step, bool sure) {
    graph.add(from, to, sure ? CheapestCut::kNever : cost(step));
    steps.push_back(step);
  };
  for (std::uint16_t at = 0; at < places_.size(); ++at) {
    const std::size_t node = 2 * std::size_t{at};
    add(node, node + 1, {at, kNoPlace}, false);
    if (places_[at].first) add(source, node, {at, kNoPlace}, true);
    if (places_[at].last) add(node + 1, sink, {at, kNoPlace}, true);
    for (const std::uint16_t later : places_[at].after) {
      add(node + 1, 2 * std::size_t{later}, {at, later}, false);
    }
  }
  const std::vector<std::size_t> cut = graph.find(source, sink);
  if (cut.empty()) throw std::logic_error("a phrase has no word of its own");
  for (const std::size_t edge : cut) add_anchors(steps[edge]);
}

void WordPattern::add_anchors(const Step& step) {
  const Place& place = places_[step.place];
  for (const Word& word : place.words) {
    if (step.behind == kNoPlace) {
      anchors_.push_back({{word.text, word.open || place.last}, std::nullopt, step.place});
      continue;
    }
    const Place& behind = places_[static_cast<std::size_t>(step.behind)];
    for (const Word& other : behind.words) {
      const WordIndex::Entry next{other.text, other.open || behind.last};
      anchors_.push_back({{word.text, word.open}, next, step.place});
    }
  }
}

// Makes the places of a pattern, and what may follow what (Glushkov's construction).
class WordPatternParser {
 public:
  WordPatternParser(std::string_view text, WordPattern& out) : text_(text), out_(out) {}

  void parse() {
    const Part all = sequence();
    for (WordPattern::Place& place : out_.places_) {
      std::sort(place.before.begin(), place.before.end());
      place.before.erase(std::unique(place.before.begin(), place.before.end()), place.before.end());
    }
    if (at_ != text_.size() || all.may_be_empty) fail();
    for (const std::uint16_t place : all.first) out_.places_[place].first = true;
    for (const std::uint16_t place : all.last) {
      if (out_.places_[place].any) fail();
      out_.places_[place].last = true;
    }
    for (std::uint16_t place = 0; place < out_.places_.size(); ++place) {
      for (const std::uint16_t earlier : out_.places_[place].before) {
        out_.places_[earlier].after.push_back(place);
        out_.places_[earlier].letters_after |= out_.places_[place].letters;
        out_.places_[place].letters_before |= out_.places_[earlier].letters;
      }
    }
    out_.before_.resize(out_.places_.size());
    out_.after_.resize(out_.places_.size());
    for (std::uint16_t place = 0; place < out_.places_.size(); ++place) {
      for (const std::uint16_t earlier : out_.places_[place].before) {
        out_.before_[place].add(earlier);
        out_.after_[earlier].add(place);
      }
    }
  }

 private:
  struct Part {
    bool may_be_empty = true;
    std::vector<std::uint16_t> first;
    std::vector<std::uint16_t> last;
  };

  [[noreturn]] void fail() const {
    throw std::logic_error("a phrase is malformed: " + std::string(text_));
  }
  [[nodiscard]] bool ends_here() const {
    return at_ == text_.size() || text_[at_] == '|' || text_[at_] == ')';
  }

  Part join(Part front, Part back) {
    for (const std::uint16_t later : back.first) {
      auto& before = out_.places_[later].before;
      before.insert(before.end(), front.last.begin(), front.last.end());
    }
    if (front.may_be_empty) append(front.first, back.first);
    if (back.may_be_empty) append(back.last, front.last);
    return {front.may_be_empty && back.may_be_empty, std::move(front.first), std::move(back.last)};
  }
  static void append(std::vector<std::uint16_t>& to, const std::vector<std::uint16_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
  }

  Part sequence() {
    Part all;
    while (!ends_here()) {
      if (text_[at_] == ' ') {
        ++at_;
        continue;
      }
      const std::size_t begin = at_;
      Part one = item();
      unsigned least = 1;
      unsigned most = 1;
      count(least, most);
      const std::size_t end = at_;
      if (least == 0) one.may_be_empty = true;
      if (most > 0) all = join(std::move(all), std::move(one));
      for (unsigned i = 1; i < most; ++i) {
        at_ = begin;
        Part again = item();
        if (i >= least) again.may_be_empty = true;
        all = join(std::move(all), std::move(again));
      }
      at_ = end;
    }
    return all;
  }

  void count(unsigned& least, unsigned& most) {
    if (at_ == text_.size()) return;
    if (text_[at_] == '?') {
      ++at_;
      least = 0;
    } else if (text_[at_] == '{') {
      if (at_ + 4 >= text_.size() || text_[at_ + 4] != '}') fail();
      least = static_cast<unsigned>(text_[at_ + 1] - '0');
      most = static_cast<unsigned>(text_[at_ + 3] - '0');
      at_ += 5;
    }
  }

  Part item() {
    if (text_[at_] != '(') {
      WordPattern::Place place;
      add_word(place);
      return single(std::move(place));
    }
    // Alternatives of one word each share a place: the fewer places, the less work.
    Part all;
    all.may_be_empty = false;
    WordPattern::Place words;
    do {
      ++at_;
      const std::size_t begin = at_;
      if (one_word()) {
        add_word(words);
        continue;
      }
      at_ = begin;
      Part one = sequence();
      all.may_be_empty = all.may_be_empty || one.may_be_empty;
      append(all.first, one.first);
      append(all.last, one.last);
    } while (at_ < text_.size() && text_[at_] == '|');
    if (at_ == text_.size()) fail();
    ++at_;
    if (words.words.empty() && !words.any) return all;
    const Part one = single(std::move(words));
    append(all.first, one.first);
    append(all.last, one.last);
    return all;
  }

  // A word alone begins here.
  [[nodiscard]] bool one_word() const {
    const std::size_t end = text_.find_first_of(" ()|{?", at_);
    return end != std::string_view::npos && end > at_ && (text_[end] == '|' || text_[end] == ')');
  }

  void add_word(WordPattern::Place& place) {
    const std::size_t end = std::min(text_.find_first_of(" ()|{?", at_), text_.size());
    std::string_view word = text_.substr(at_, end - at_);
    at_ = end;
    if (word == "@") {
      place.any = true;
      place.letters = ~std::uint32_t{0};
      return;
    }
    const bool open = word.ends_with('*');
    if (open) word.remove_suffix(1);
    if (word.empty()) fail();
    place.letters |= WordPattern::Place::letter(word);
    place.words.push_back({std::string(word), open});
  }

  Part single(WordPattern::Place place) {
    if (out_.places_.size() == WordPattern::kPlaces) fail();
    out_.places_.push_back(std::move(place));
    const auto at = static_cast<std::uint16_t>(out_.places_.size() - 1);
    return {false, {at}, {at}};
  }

  std::string_view text_;
  WordPattern& out_;
  std::size_t at_ = 0;
};

WordPattern::WordPattern(std::string_view text) {
  WordPatternParser(text, *this).parse();
  choose_anchors();
}

}  // namespace bottle
