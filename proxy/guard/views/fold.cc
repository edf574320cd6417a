#include "proxy/guard/views/fold.h"

#include <algorithm>
#include <cstring>

#include "proxy/guard/views/fold_table.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bottle {
namespace {

// A character becomes an ASCII character, or one of these.
constexpr char kStays = 0;
constexpr char kRemoved = 1;

template <class Range>
const Range* range_of(std::span<const Range> ranges, char32_t point) {
  const auto behind = std::ranges::upper_bound(ranges, point, {}, &Range::first);
  if (behind == ranges.begin()) return nullptr;
  const Range& range = *(behind - 1);
  return point <= range.last ? &range : nullptr;
}

char look_up(char32_t point) {
  if (const auto* range = range_of(folded_ranges(), point)) {
    return static_cast<char>(static_cast<char32_t>(range->ascii) +
                             (point - range->first) * range->step);
  }
  return range_of(removed_ranges(), point) != nullptr ? kRemoved : kStays;
}

// The characters of most texts have a table; the others are looked up.
constexpr char32_t kTabled = 0x10000;
using Table = std::array<char, kTabled>;

const Table& table() {
  static const Table made = [] {
    Table filled{};
    for (const RemovedRange& range : removed_ranges()) {
      for (char32_t c = range.first; c <= range.last && c < kTabled; ++c) filled[c] = kRemoved;
    }
    for (const FoldedRange& range : folded_ranges()) {
      for (char32_t c = range.first; c <= range.last && c < kTabled; ++c) filled[c] = look_up(c);
    }
    return filled;
  }();
  return made;
}

constexpr std::size_t kBlock = 16;

// How many bytes from `from` on are ASCII; copies them to `to` if there is a `to`, which then may
// be written to kBlock - 1 bytes further.
std::size_t pass_ascii(const char* from, std::size_t size, char* to) {
  std::size_t i = 0;
#if defined(__SSE2__)
  for (; i + kBlock <= size; i += kBlock) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    if (to != nullptr) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), block);
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(block));
    if (mask != 0) return i + static_cast<std::size_t>(__builtin_ctz(mask));
  }
#endif
  for (; i < size && static_cast<unsigned char>(from[i]) < 0x80; ++i) {
    if (to != nullptr) to[i] = from[i];
  }
  return i;
}

// The character at the beginning of a text whose first byte is not ASCII.
struct Character {
  char32_t point = 0;
  std::size_t size = 0;  // 0: the bytes are no UTF-8; more than the text has: it is cut off
};
Character read_character(ByteView text) {
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0xc2 || first > 0xf4) return {};
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  char32_t point = first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (i == text.size()) return {.size = size};
    if ((byte(i) & 0xc0) != 0x80) return {};
    point = point << 6 | (byte(i) & 0x3f);
  }
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  if (point < kLeast[size] || point > 0x10ffff || surrogate) return {};
  return {.point = point, .size = size};
}

// Writes what can be decided of `in` to `to`; returns how much of `in` that is, and moves `to`.
std::size_t fold(ByteView in, char*& to) {
  const Table& folded = table();
  std::size_t i = 0;
  while (i < in.size()) {
    const std::size_t ascii = pass_ascii(in.data() + i, in.size() - i, to);
    i += ascii;
    to += ascii;
    if (i == in.size()) break;
    const Character character = read_character(in.substr(i));
    if (character.size > in.size() - i) break;
    if (character.size == 0) {
      *to++ = in[i++];
      continue;
    }
    const char meaning =
        character.point < kTabled ? folded[character.point] : look_up(character.point);
    if (meaning == kStays) {
      to += in.copy(to, character.size, i);
    } else if (meaning != kRemoved) {
      *to++ = meaning;
    }
    i += character.size;
  }
  return i;
}

}  // namespace

bool Fold::passes(ByteView in) const noexcept {
  return held_size_ == 0 && pass_ascii(in.data(), in.size(), nullptr) == in.size();
}

void Fold::decode(ByteView in, Bytes& out) {
  const std::size_t before = out.size();
  out.resize(before + held_size_ + in.size() + kBlock);
  char* to = out.data() + before;
  while (held_size_ > 0 && !in.empty()) {
    held_[held_size_++] = in.front();
    in.remove_prefix(1);
    const std::size_t done = fold(ByteView(held_.data(), held_size_), to);
    std::memmove(held_.data(), held_.data() + done, held_size_ - done);
    held_size_ = static_cast<std::uint8_t>(held_size_ - done);
  }
  if (held_size_ == 0) {
    const std::size_t done = fold(in, to);
    held_size_ = static_cast<std::uint8_t>(in.copy(held_.data(), held_.size(), done));
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

void Fold::flush(Bytes& out) {
  out.append(held_.data(), held_size_);
  held_size_ = 0;
}

}  // namespace bottle
