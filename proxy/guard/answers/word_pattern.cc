#include "proxy/guard/answers/word_pattern.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <stdexcept>
#include <utility>

#include "proxy/guard/answers/word_cost.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxPlaces = 128;
constexpr unsigned kMaxCost = 1000000;

}  // namespace

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
  std::array<std::uint16_t, kMaxPlaces> open;
  std::size_t count = 0;
  for (const std::uint16_t at : places_[place].before) open[count++] = at;
  for (std::size_t i = 0; count > 0; ++i) {
    const ByteView word = words.at(i);
    if (word.empty()) return false;
    std::bitset<kMaxPlaces> seen;
    std::array<std::uint16_t, kMaxPlaces> next;
    std::size_t next_count = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const Place& one = places_[open[k]];
      if (!one.takes(word)) continue;
      if (one.first) return true;
      for (const std::uint16_t earlier : one.before) {
        if (seen[earlier]) continue;
        seen.set(earlier);
        next[next_count++] = earlier;
      }
    }
    std::copy_n(next.begin(), next_count, open.begin());
    count = next_count;
  }
  return false;
}

std::optional<std::size_t> WordPattern::ends(WordsAfter& words, std::uint16_t place) const {
  if (places_[place].last) return 0;
  const ByteView nearest = words.at(0).text;
  if (nearest.empty() || (places_[place].letters_after & Place::letter(nearest)) == 0) {
    return std::nullopt;
  }
  std::array<std::uint16_t, kMaxPlaces> open;
  std::size_t count = 0;
  for (const std::uint16_t at : places_[place].after) open[count++] = at;
  for (std::size_t i = 0; count > 0; ++i) {
    const WordsAfter::Word word = words.at(i);
    if (word.text.empty()) return std::nullopt;
    std::size_t end = 0;
    std::bitset<kMaxPlaces> seen;
    std::array<std::uint16_t, kMaxPlaces> next;
    std::size_t next_count = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const Place& one = places_[open[k]];
      const std::size_t last = one.last ? one.takes_beginning(word.text) : 0;
      if (last > 0 && (end == 0 || last < end)) end = last;
      if (!word.complete || !one.takes(word.text)) continue;
      for (const std::uint16_t later : one.after) {
        if (seen[later]) continue;
        seen.set(later);
        next[next_count++] = later;
      }
    }
    if (end > 0) return word.begin + end;
    std::copy_n(next.begin(), next_count, open.begin());
    count = next_count;
  }
  return std::nullopt;
}

unsigned WordPattern::cost(const std::vector<std::uint16_t>& places) const {
  unsigned sum = 0;
  for (const std::uint16_t at : places) {
    const Place& place = places_[at];
    if (place.any) return kMaxCost;
    for (const Word& word : place.words) sum += word_cost(word.text, word.open || place.last);
  }
  return sum;
}

// True if no text is matched without this place.
bool WordPattern::all_pass(std::uint16_t place) const {
  std::bitset<kMaxPlaces> seen;
  std::vector<std::uint16_t> open;
  seen.set(place);
  for (std::uint16_t at = 0; at < places_.size(); ++at) {
    if (!places_[at].last || at == place) continue;
    seen.set(at);
    open.push_back(at);
  }
  while (!open.empty()) {
    const Place& one = places_[open.back()];
    open.pop_back();
    if (one.first) return false;
    for (const std::uint16_t earlier : one.before) {
      if (seen[earlier]) continue;
      seen.set(earlier);
      open.push_back(earlier);
    }
  }
  return true;
}

void WordPattern::choose_anchors() {
  std::vector<std::uint16_t> first;
  std::vector<std::uint16_t> last;
  for (std::uint16_t at = 0; at < places_.size(); ++at) {
    if (places_[at].first) first.push_back(at);
    if (places_[at].last) last.push_back(at);
  }
  std::vector<std::uint16_t> best = cost(first) < cost(last) ? first : last;
  for (std::uint16_t at = 0; at < places_.size(); ++at) {
    std::vector<std::uint16_t> one{at};
    if (cost(one) < cost(best) && all_pass(at)) best = std::move(one);
  }
  for (const std::uint16_t at : best) {
    const Place& place = places_[at];
    if (place.any) throw std::logic_error("a phrase has no word of its own");
    for (const Word& word : place.words) {
      anchors_.push_back({word.text, word.open || place.last, at});
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
    if (out_.places_.size() == kMaxPlaces) fail();
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
