#include "proxy/guard/views/stream_mark.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bottle {

StreamMark stream_mark(ByteView beginning) noexcept {
  using namespace std::string_view_literals;
  struct Mark {
    std::string_view bytes;
    StreamMark mark;
  };
  static constexpr Mark kMarks[] = {{"\x1f\x8b\x08"sv, StreamMark::Gzip},
                                    {"\x28\xb5\x2f\xfd"sv, StreamMark::Zstd}};
  for (const Mark& mark : kMarks) {
    if (beginning.starts_with(mark.bytes)) return mark.mark;
    if (mark.bytes.starts_with(beginning)) return StreamMark::Maybe;
  }
  const auto first = static_cast<unsigned char>(beginning.front());
  if ((first & 0x0f) != 8 || (first >> 4) > 7) return StreamMark::None;
  if (beginning.size() == 1) return StreamMark::Maybe;
  const auto second = static_cast<unsigned char>(beginning[1]);
  return (first * 256 + second) % 31 == 0 ? StreamMark::Zlib : StreamMark::None;
}

namespace {

// `text` is not empty. It begins with a mark, or with as much of one as it has bytes.
bool begins_mark(ByteView text) noexcept {
  using namespace std::string_view_literals;
  static constexpr ByteView kMarks[] = {"\x1f\x8b\x08"sv, "\x28\xb5\x2f\xfd"sv, "\x78\x01"sv,
                                        "\x78\x9c"sv, "\x78\xda"sv};
  return std::any_of(std::begin(kMarks), std::end(kMarks), [text](ByteView mark) {
    return mark.starts_with(text.substr(0, mark.size()));
  });
}

#if defined(__SSE2__)
constexpr std::size_t kBlock = 16;

// Bit i: bytes i and i + 1 of `from`, which has kBlock + 1, are the first two of a mark.
unsigned mark_pairs(const char* from) noexcept {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 1));
  const auto is = [](__m128i bytes, int value) {
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(value)));
  };
  const __m128i level =
      _mm_or_si128(_mm_or_si128(is(second, 0x01), is(second, 0x9c)), is(second, 0xda));
  const __m128i zlib = _mm_and_si128(is(first, 0x78), level);
  const __m128i gzip = _mm_and_si128(is(first, 0x1f), is(second, 0x8b));
  const __m128i zstd = _mm_and_si128(is(first, 0x28), is(second, 0xb5));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(gzip, zstd), zlib)));
}
#endif

}  // namespace

std::size_t find_stream_mark(ByteView text) noexcept {
  std::size_t at = 0;
#if defined(__SSE2__)
  for (; at + kBlock < text.size(); at += kBlock) {
    for (unsigned pairs = mark_pairs(text.data() + at); pairs != 0; pairs &= pairs - 1) {
      const std::size_t place = at + static_cast<std::size_t>(__builtin_ctz(pairs));
      if (begins_mark(text.substr(place))) return place;
    }
  }
#endif
  for (; at < text.size(); ++at) {
    if (begins_mark(text.substr(at))) return at;
  }
  return ByteView::npos;
}

}  // namespace bottle
