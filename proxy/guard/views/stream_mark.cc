#include "proxy/guard/views/stream_mark.h"

#include <algorithm>

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

// The first place of `mark`, or of as much of it as the text's end leaves. `rare` is the place in
// the mark of a byte that texts seldom have.
std::size_t find_mark(ByteView text, ByteView mark, std::size_t rare) noexcept {
  for (std::size_t at = text.find(mark[rare]); at != ByteView::npos;
       at = text.find(mark[rare], at + 1)) {
    if (at < rare) continue;
    const ByteView there = text.substr(at - rare, mark.size());
    if (mark.starts_with(there)) return at - rare;
  }
  // The end may have the bytes before the rare one alone.
  for (std::size_t size = std::min(rare, text.size()); size > 0; --size) {
    if (text.ends_with(mark.substr(0, size))) return text.size() - size;
  }
  return ByteView::npos;
}

}  // namespace

std::size_t find_stream_mark(ByteView text) noexcept {
  using namespace std::string_view_literals;
  std::size_t first = find_mark(text, "\x1f\x8b\x08"sv, 0);
  for (const ByteView mark : {"\x28\xb5\x2f\xfd"sv, "\x78\x01"sv, "\x78\x9c"sv, "\x78\xda"sv}) {
    first = std::min(first, find_mark(text.substr(0, first), mark, 1));
  }
  return first;
}

}  // namespace bottle
