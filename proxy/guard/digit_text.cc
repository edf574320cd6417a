#include "proxy/guard/digit_text.h"

#include <algorithm>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bottle {
namespace {

// Of digits, and the letters of 0b and 0o, so many in a row.
constexpr std::size_t kLeast = 14;

bool is_of_number(char c) noexcept { return (c >= '0' && c <= '9') || c == 'b' || c == 'o'; }

std::size_t leading(ByteView text) noexcept {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_of_number) -
                                  text.begin());
}
std::size_t trailing(ByteView text) noexcept {
  return static_cast<std::size_t>(std::find_if_not(text.rbegin(), text.rend(), is_of_number) -
                                  text.rbegin());
}

constexpr std::size_t kBlock = 16;

// Which of a block's bytes are digits.
unsigned digits_of(const char* block) noexcept {
#if defined(__SSE2__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
  const __m128i digits = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('0' - 1)),
                                       _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), bytes));
  const __m128i letters = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('b')),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8('o')));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(digits, letters)));
#else
  unsigned mask = 0;
  for (unsigned i = 0; i < kBlock; ++i) mask |= unsigned{is_of_number(block[i])} << i;
  return mask;
#endif
}

// Half of a row is in one block.
bool has_row(ByteView text) noexcept {
  static_assert(kLeast == 14 && kLeast <= kBlock);
  std::size_t i = 0;
  for (; i + kBlock <= text.size(); i += kBlock) {
    unsigned seven = digits_of(text.data() + i);
    seven &= seven >> 1;
    seven &= seven >> 2;
    seven &= seven >> 3;
    if (seven == 0) continue;
    const std::size_t at = i + static_cast<std::size_t>(__builtin_ctz(seven));
    if (trailing(text.substr(0, at)) + leading(text.substr(at)) >= kLeast) return true;
    const std::size_t last = i + 31 - static_cast<std::size_t>(__builtin_clz(seven));
    if (trailing(text.substr(0, last)) + leading(text.substr(last)) >= kLeast) return true;
  }
  const ByteView rest = text.substr(i);
  const std::size_t begin = leading(rest);
  return trailing(text.substr(0, i)) + begin >= kLeast || trailing(rest) >= kLeast;
}

}  // namespace

void DigitText::scan(const LiteralSet& set, ByteView piece, LiteralListener& listener) {
  if (piece.empty()) return;
  const std::size_t begins = leading(piece);
  if (row_ + begins >= kLeast || has_row(piece)) {
    stream_.scan(set, piece, listener);
  } else {
    // A literal may begin in the row at its end.
    const std::size_t ends = std::min(trailing(piece), piece.size());
    const ByteView tail = piece.substr(piece.size() - ends);
    if (begins < piece.size()) stream_.reset(stream_.position() + piece.size() - ends);
    stream_.scan(set, begins < piece.size() ? tail : piece, listener);
  }
  const std::size_t ends = trailing(piece);
  row_ = ends == piece.size() ? std::min(row_ + ends, kLeast) : ends;
}

void DigitText::reset() noexcept {
  stream_.reset();
  row_ = 0;
}

}  // namespace bottle
