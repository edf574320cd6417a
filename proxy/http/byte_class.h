#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace bottle {

// Which bytes may stand where in HTTP (RFC 9110 section 5, RFC 9112 section 3).
enum ByteClass : unsigned char {
  kTokenByte = 1,   // of a method or a field name
  kTextByte = 2,    // of a field value or reason phrase: HTAB, SP to ~, 0x80 to 0xff
  kTargetByte = 4,  // of a request target on the wire: 0x21 to 0x7e
};

namespace detail {

constexpr std::array<unsigned char, 256> make_byte_classes() {
  std::array<unsigned char, 256> table{};
  for (std::size_t c = 0; c < 256; ++c) {
    unsigned char bits = 0;
    bool token = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    for (const char mark : std::string_view("!#$%&'*+-.^_`|~")) {
      token = token || c == static_cast<unsigned char>(mark);
    }
    if (token) bits |= kTokenByte;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= kTextByte;
    if (c >= 0x21 && c <= 0x7e) bits |= kTargetByte;
    table[c] = bits;
  }
  return table;
}
inline constexpr auto kByteClasses = make_byte_classes();

}  // namespace detail

// True for an empty text, too.
[[nodiscard]] inline bool all_of_class(std::string_view text, ByteClass wanted) noexcept {
  unsigned char bits = wanted;
  for (const char c : text) bits &= detail::kByteClasses[static_cast<unsigned char>(c)];
  return bits == wanted;
}

}  // namespace bottle
