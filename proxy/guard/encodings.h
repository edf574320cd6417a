#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bottle {

// The characters of standard base64 that `value` alone determines when it stands `alignment` bytes
// (0 to 2) behind the start of a three-byte group: without the first and last characters that hold
// bits of its neighbours, and without padding.
[[nodiscard]] std::string base64_core(std::string_view value, std::size_t alignment);
// The same text in the URL-safe alphabet (RFC 4648 section 5).
[[nodiscard]] std::string base64_url_safe(std::string text);
// The same in uuencode's characters; `zero`: the one that stands for no bits.
[[nodiscard]] std::string uuencode_core(std::string_view value, std::size_t alignment, char zero);
// The characters of base32 (RFC 4648 section 6) likewise: `alignment` is 0 to 4, in a five-byte
// group.
[[nodiscard]] std::string base32_core(std::string_view value, std::size_t alignment);
// The same with the digits before the letters ("base32hex", section 7).
[[nodiscard]] std::string base32hex_core(std::string_view value, std::size_t alignment);
// Eight binary digits a byte, the highest bit first, or the lowest.
[[nodiscard]] std::string binary_digits(std::string_view value, bool highest_first);
// Groups of four bytes as five characters: Z85 (ZeroMQ) and Ascii85. Of the groups that lie wholly
// in the value, which begins `alignment` bytes (0 to 3) behind a group's start.
[[nodiscard]] std::string z85_core(std::string_view value, std::size_t alignment);
[[nodiscard]] std::string ascii85_core(std::string_view value, std::size_t alignment);
// The words of `size` bytes of a little-endian machine that lie wholly in the value, which begins
// `alignment` bytes behind a word's start: in `base`, each of at least `width` digits.
[[nodiscard]] std::string words_core(std::string_view value, std::size_t alignment,
                                     std::size_t size, unsigned base, std::size_t width);
[[nodiscard]] std::string hex_lower(std::string_view value);
// Decodes base64 in either alphabet, with or without padding, up to the first character that is
// neither.
[[nodiscard]] std::string base64_bytes(std::string_view text);
// Decodes "Basic <base64>" to "user:password" (RFC 7617). As base64_bytes() reads it; nothing
// if the scheme is another.
[[nodiscard]] std::optional<std::string> basic_credentials(std::string_view field_value);

}  // namespace bottle
