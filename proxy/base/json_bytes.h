#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bottle {

// How many bytes of `in`, which is within a JSON string, come before its first quote or backslash;
// all if there is none.
[[nodiscard]] inline std::size_t plain_json_bytes(ByteView in) noexcept {
  std::size_t at = 0;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (; at + 16 <= in.size(); at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in.data() + at));
    const __m128i hit =
        _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit));
    if (mask != 0) return at + static_cast<std::size_t>(__builtin_ctz(mask));
  }
#endif
  while (at < in.size() && in[at] != '"' && in[at] != '\\') ++at;
  return at;
}

#if defined(__SSE2__)
// Bit i: byte i of the 64 is `c`.
[[nodiscard]] inline std::uint64_t bytes_equal(const char* from, char c) noexcept {
  const __m128i wanted = _mm_set1_epi8(c);
  std::uint64_t out = 0;
  for (unsigned i = 0; i < 64; i += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, wanted)));
    out |= std::uint64_t{mask} << i;
  }
  return out;
}
#endif

// Which of 64 bytes an escape has behind its backslash. `backslashes`: bit i is byte i's.
// `escaped`: byte 0 is one; after the call, the byte behind these is.
[[nodiscard]] inline std::uint64_t escaped_bytes(std::uint64_t backslashes,
                                                 bool& escaped) noexcept {
  constexpr std::uint64_t kEven = 0x5555555555555555u;
  const std::uint64_t before = escaped ? 1 : 0;
  backslashes &= ~before;
  const std::uint64_t behind = backslashes << 1 | before;
  // Of a run of backslashes each second byte is escaped, and the byte behind a run of odd length.
  // Adding a run to its first bit carries to the byte behind it.
  const std::uint64_t odd_begins = backslashes & ~kEven & ~behind;
  std::uint64_t carried = 0;
  escaped = __builtin_add_overflow(odd_begins, backslashes, &carried);
  return (kEven ^ carried << 1) & behind;
}

// A piece of a JSON string, from within it on.
struct JsonStringPart {
  std::size_t size = 0;  // without the quote that ends it
  bool ends = false;     // that quote is there
  bool escaped = false;  // the last byte is a backslash whose escape the next piece has
};

// `escaped`: as the last piece said.
[[nodiscard]] inline JsonStringPart json_string_part(ByteView in, bool escaped) noexcept {
  JsonStringPart part;
#if defined(__SSE2__)
  for (; part.size + 64 <= in.size(); part.size += 64) {
    const char* const from = in.data() + part.size;
    const std::uint64_t quotes = bytes_equal(from, '"');
    const std::uint64_t ends = quotes & ~escaped_bytes(bytes_equal(from, '\\'), escaped);
    if (ends == 0) continue;
    part.size += static_cast<std::size_t>(__builtin_ctzll(ends));
    part.ends = true;
    return part;
  }
#endif
  part.escaped = escaped && part.size == in.size();
  if (escaped && !part.escaped) ++part.size;
  for (;;) {
    part.size += plain_json_bytes(in.substr(part.size));
    if (part.size == in.size()) return part;
    if (in[part.size] == '"') {
      part.ends = true;
      return part;
    }
    if (part.size + 1 == in.size()) {
      part.size = in.size();
      part.escaped = true;
      return part;
    }
    part.size += 2;
  }
}

}  // namespace bottle
