#include "proxy/guard/views/stream_mark.h"

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

}  // namespace bottle
