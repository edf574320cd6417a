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
    if (count_ == kMaxWords) return {};
    if (!take(words_[count_])) words_[count_].size = 0;
    ++count_;
  }
  const Word& word = words_[index];
  return {word.text + kMaxWord - word.size, word.size};
}

bool WordsBefore::take(Word& word) noexcept {
  std::size_t gap = 0;
  while (!text_.empty() && !in_word(text_.back())) {
    if (++gap > kMaxGap) return false;
    text_.remove_suffix(1);
  }
  std::size_t size = 0;
  while (!text_.empty() && in_word(text_.back())) {
    const char c = text_.back();
    text_.remove_suffix(1);
    // A quotation mark, and not an apostrophe.
    if (c == '\'' && (size == 0 || text_.empty() || !in_word(text_.back()))) continue;
    if (size == kMaxWord) return false;
    word.text[kMaxWord - ++size] = lower(c);
  }
  word.size = static_cast<std::uint8_t>(size);
  return size > 0;
}

WordsAfter::Word WordsAfter::next() noexcept {
  if (count_++ == kMaxWords) return {};
  std::size_t gap = 0;
  while (gap < text_.size() && (!in_word(text_[gap]) || text_[gap] == '\'')) ++gap;
  if (gap > kMaxGap || gap == text_.size()) return {};
  text_.remove_prefix(gap);
  Word word;
  word.begin = size_ - text_.size();
  std::size_t size = 0;
  while (size < text_.size() && in_word(text_[size])) {
    if (size == kMaxWord) return {};
    word_[size] = lower(text_[size]);
    ++size;
  }
  word.complete = size < text_.size();
  text_.remove_prefix(size);
  while (size > 0 && word_[size - 1] == '\'') --size;
  word.text = ByteView(word_.data(), size);
  return word;
}

}  // namespace bottle
