#pragma once

#include <cstddef>
#include <cstdint>

namespace bottle {

// Writes the UTF-8 of a code point to `out`, at most four bytes; returns how many.
inline std::size_t write_utf8(std::uint32_t point, char* out) noexcept {
  const auto put = [out](std::size_t at, std::uint32_t byte) { out[at] = static_cast<char>(byte); };
  if (point < 0x80) {
    put(0, point);
    return 1;
  }
  if (point < 0x800) {
    put(0, 0xc0 | (point >> 6));
    put(1, 0x80 | (point & 0x3f));
    return 2;
  }
  if (point < 0x10000) {
    put(0, 0xe0 | (point >> 12));
    put(1, 0x80 | ((point >> 6) & 0x3f));
    put(2, 0x80 | (point & 0x3f));
    return 3;
  }
  put(0, 0xf0 | (point >> 18));
  put(1, 0x80 | ((point >> 12) & 0x3f));
  put(2, 0x80 | ((point >> 6) & 0x3f));
  put(3, 0x80 | (point & 0x3f));
  return 4;
}

}  // namespace bottle
