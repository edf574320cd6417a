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

constexpr std::size_t kFoldBlock = 16;

bool is_lead(unsigned char c) { return c >= 0xc2 && c <= 0xf4; }
bool is_continuation(unsigned char c) { return (c & 0xc0) == 0x80; }

// How many bytes from `from` on begin no character of several bytes; copies them to `to` if there
// is a `to`, which then may be written to kFoldBlock - 1 bytes further. A first byte of a character
// that the text's end cuts off is none of them.
std::size_t pass_single(const char* from, std::size_t size, char* to) {
  std::size_t i = 0;
#if defined(__SSE2__)
  // Signed: 0xc2 to 0xf4 begin a character, from 0xe0 on one of three bytes or more, and what is
  // below 0xc0 continues it.
  const __m128i below_lead = _mm_set1_epi8(static_cast<char>(0xc1));
  const __m128i behind_lead = _mm_set1_epi8(static_cast<char>(0xf5));
  const __m128i below_long = _mm_set1_epi8(static_cast<char>(0xdf));
  const __m128i behind_continuation = _mm_set1_epi8(static_cast<char>(0xc0));
  const auto load = [from](std::size_t at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
  };
  for (; i + kFoldBlock + 1 < size; i += kFoldBlock) {
    const __m128i block = load(i);
    if (to != nullptr) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), block);
    if (_mm_movemask_epi8(block) == 0) continue;
    const __m128i lead =
        _mm_and_si128(_mm_cmpgt_epi8(block, below_lead), _mm_cmpgt_epi8(behind_lead, block));
    const __m128i second = _mm_cmpgt_epi8(behind_continuation, load(i + 1));
    const __m128i third = _mm_cmpgt_epi8(behind_continuation, load(i + 2));
    const __m128i lacks_third = _mm_andnot_si128(third, _mm_cmpgt_epi8(block, below_long));
    const __m128i begins = _mm_andnot_si128(lacks_third, _mm_and_si128(lead, second));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(begins));
    if (mask != 0) return i + static_cast<std::size_t>(__builtin_ctz(mask));
  }
#endif
  for (; i < size; ++i) {
    const bool whole = i + 1 < size;
    if (is_lead(static_cast<unsigned char>(from[i])) &&
        (!whole || is_continuation(static_cast<unsigned char>(from[i + 1])))) {
      break;
    }
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
  if (first >= 0xc2 && first < 0xe0 && text.size() > 1) {
    if (!is_continuation(byte(1))) return {};
    return {.point = (first & 0x1fu) << 6 | (byte(1) & 0x3fu), .size = 2};
  }
  if (!is_lead(byte(0))) return {};
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  char32_t point = first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (i == text.size()) return {.size = size};
    if (!is_continuation(byte(i))) return {};
    point = point << 6 | (byte(i) & 0x3f);
  }
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  if (point < kLeast[size] || point > 0x10ffff || surrogate) return {};
  return {.point = point, .size = size};
}

char meaning_of(const Table& folded, char32_t point) {
  return point < kTabled ? folded[point] : look_up(point);
}

// Writes what can be decided of `in` to `to`; returns how much of `in` that is, and moves `to`.
std::size_t fold(ByteView in, char*& to) {
  const Table& folded = table();
  std::size_t i = 0;
  while (i < in.size()) {
    const std::size_t single = pass_single(in.data() + i, in.size() - i, to);
    i += single;
    to += single;
    if (i == in.size()) break;
    const Character character = read_character(in.substr(i));
    if (character.size > in.size() - i) break;
    if (character.size == 0) {
      *to++ = in[i++];
      continue;
    }
    const char meaning = meaning_of(folded, character.point);
    if (meaning == kStays) {
      to += in.copy(to, character.size, i);
    } else if (meaning != kRemoved) {
      *to++ = meaning;
    }
    i += character.size;
  }
  return i;
}

// The bytes that are ASCII for sure: whole blocks.
std::size_t pass_ascii(ByteView in) {
  constexpr std::size_t kWords = 8;
  std::size_t i = 0;
  for (; i + kWords * 8 <= in.size(); i += kWords * 8) {
    std::array<std::uint64_t, kWords> words;
    std::memcpy(words.data(), in.data() + i, sizeof words);
    std::uint64_t any = 0;
    for (const std::uint64_t word : words) any |= word;
    if ((any & 0x8080808080808080u) != 0) break;
  }
  return i;
}

// Each character of `in` stays, and is complete.
bool all_stay(ByteView in) {
  std::size_t i = pass_ascii(in);
  i += pass_single(in.data() + i, in.size() - i, nullptr);
  if (i == in.size()) return true;
  const Table& folded = table();
  while (i < in.size()) {
    const Character character = read_character(in.substr(i));
    if (character.size > in.size() - i) return false;
    if (character.size > 0 && meaning_of(folded, character.point) != kStays) return false;
    i += std::max<std::size_t>(character.size, 1);
    i += pass_single(in.data() + i, in.size() - i, nullptr);
  }
  return true;
}

}  // namespace

bool Fold::passes(ByteView in) const noexcept { return held_size_ == 0 && all_stay(in); }

void Fold::decode(ByteView in, Bytes& out) {
  const std::size_t before = out.size();
  out.resize(before + held_size_ + in.size() + kFoldBlock);
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
