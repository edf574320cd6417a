#pragma once

#include <cstddef>

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

// A piece of a JSON string, from within it on.
struct JsonStringPart {
  std::size_t size = 0;  // without the quote that ends it
  bool ends = false;     // that quote is there
  bool escaped = false;  // the last byte is a backslash whose escape the next piece has
};

// `escaped`: as the last piece said.
[[nodiscard]] inline JsonStringPart json_string_part(ByteView in, bool escaped) noexcept {
  JsonStringPart part;
  part.size = escaped && !in.empty() ? 1 : 0;
  part.escaped = escaped && in.empty();
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
