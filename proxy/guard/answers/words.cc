#include "proxy/guard/answers/words.h"

#include <algorithm>
#include <cstring>

namespace bottle {

bool is_ascii(ByteView text) noexcept {
  constexpr std::size_t kStep = 64;
  while (text.size() >= kStep) {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < kStep; i += 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, text.data() + i, 8);
      all |= eight;
    }
    if ((all & 0x8080808080808080u) != 0) return false;
    text.remove_prefix(kStep);
  }
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

ByteView WordsBefore::at(std::size_t index) noexcept {
  while (count_ <= index) {
    if (count_ == kWords) return {};
    if (!take(words_[count_])) words_[count_].size = 0;
    ++count_;
  }
  const Word& word = words_[index];
  return {word.text + kWordSize - word.size, word.size};
}

bool WordsBefore::take(Word& word) noexcept {
  std::size_t gap = 0;
  while (!text_.empty() && !in_word(text_.back())) {
    if (++gap > kGap) return false;
    text_.remove_suffix(1);
  }
  std::size_t size = 0;
  while (!text_.empty() && in_word(text_.back())) {
    const char c = text_.back();
    text_.remove_suffix(1);
    // A quotation mark, and not an apostrophe.
    if (c == '\'' && (size == 0 || text_.empty() || !in_word(text_.back()))) continue;
    if (size == kWordSize) return false;
    word.text[kWordSize - ++size] = lower(c);
  }
  word.size = static_cast<std::uint8_t>(size);
  return size > 0;
}

WordsAfter::Word WordsAfter::at(std::size_t index) noexcept {
  if (index >= kWords) return {};
  while (count_ <= index) take(words_[count_++]);
  const Place& word = words_[index];
  return {ByteView(lower_.data() + word.begin, word.size), word.complete, word.begin};
}

void WordsAfter::take(Place& word) noexcept {
  word = {0, 0, false};
  std::size_t begin = at_;
  while (begin < text_.size() && (!in_word(text_[begin]) || text_[begin] == '\'')) ++begin;
  if (begin - at_ > kGap) {
    at_ = text_.size();
    return;
  }
  std::size_t end = begin;
  while (end < text_.size() && in_word(text_[end])) {
    lower_[end] = lower(text_[end]);
    ++end;
  }
  at_ = end;
  word.complete = end < text_.size();
  while (end > begin && text_[end - 1] == '\'') --end;
  if (end - begin > kWordSize) {
    at_ = text_.size();
    return;
  }
  word.begin = static_cast<std::uint16_t>(begin);
  word.size = static_cast<std::uint8_t>(end - begin);
}

}  // namespace bottle
