#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bottle {

// Base64 is decoded in units: so many characters become so many bytes.
inline constexpr std::size_t kUnitChars = 32;
inline constexpr std::size_t kUnitBytes = 24;
// decode_units() may write so far beyond the last unit.
inline constexpr std::size_t kUnitSlack = 8;

// The value of each character, base64's and base64url's alike.
inline constexpr std::array<std::uint8_t, 256> kBase64Values = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned i = 0; i < 26; ++i) {
    table['A' + i] = static_cast<std::uint8_t>(i);
    table['a' + i] = static_cast<std::uint8_t>(26 + i);
  }
  for (unsigned i = 0; i < 10; ++i) table['0' + i] = static_cast<std::uint8_t>(52 + i);
  table['+'] = table['-'] = 62;
  table['/'] = table['_'] = 63;
  return table;
}();

// Text, as opposed to binary bytes: printable ASCII, tabs and line breaks.
[[nodiscard]] constexpr bool is_text(unsigned char byte) {
  return (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\n' || byte == '\r';
}

// `values` holds `units` times kUnitChars values of characters. Writes the bytes to `out`, and to
// `binary`, for each unit, how many of its bytes are no text.
void decode_units(const std::uint8_t* values, std::size_t units, char* out, std::uint8_t* binary);

// Four values are three bytes.
inline void decode_quad(const std::uint8_t* values, char* out) {
  const unsigned bits = static_cast<unsigned>(values[0]) << 18 |
                        static_cast<unsigned>(values[1]) << 12 |
                        static_cast<unsigned>(values[2]) << 6 | static_cast<unsigned>(values[3]);
  out[0] = static_cast<char>(bits >> 16);
  out[1] = static_cast<char>(bits >> 8);
  out[2] = static_cast<char>(bits);
}

// Of `size` characters.
void base64_values(const char* chars, std::size_t size, std::uint8_t* values);

}  // namespace bottle
