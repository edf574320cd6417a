#include "proxy/guard/views/number_list.h"

namespace bottle {

int NumberList::value_of(ByteView word) const noexcept {
  if (base_ == 8) {
    if (word.size() == 4 && word.front() == '0') word.remove_prefix(1);
    if (word.size() != 3) return -1;
  } else if (word.size() > 3) {
    return -1;
  }
  unsigned value = 0;
  for (const char c : word) {
    const auto digit = static_cast<unsigned>(static_cast<unsigned char>(c)) - '0';
    if (digit >= base_) return -1;
    value = value * base_ + digit;
  }
  return value <= 0xff ? static_cast<int>(value) : -1;
}

void NumberList::add(ByteView word, std::uint64_t begin, std::uint64_t end) {
  const int value = value_of(word);
  if (value < 0) return end_list();
  if (count_ == 0) begin_ = begin;
  ++count_;
  end_ = end;
  bytes_[size_++] = static_cast<char>(value);
  if (size_ == bytes_.size()) hand_out();
}

void NumberList::hand_out() {
  if (count_ < kLeast) return;
  child_.give(ByteView(bytes_.data(), size_), begin_, end_);
  size_ = 0;
}

void NumberList::end_list() {
  hand_out();
  child_.close(end_);
  count_ = size_ = 0;
}

}  // namespace bottle
