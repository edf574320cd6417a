#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Small tools that the checks of shapes are made of. All are linear in their text and take no
// memory beyond what they return.
namespace bottle {

// Bits a character, by the frequencies in the text itself.
[[nodiscard]] double entropy(std::string_view text) noexcept;

// True if the text can be a random value over `letters` characters: enough entropy for its length,
// more than one kind of character when the alphabet has several, and no documented example.
[[nodiscard]] bool looks_random(std::string_view text, unsigned letters) noexcept;

// True if the text repeats itself, or most of its characters follow from the one or two before.
[[nodiscard]] bool is_regular(std::string_view text) noexcept;
// True if the text has a word that stands for a value in documentation: "example", "changeme".
[[nodiscard]] bool has_placeholder_word(std::string_view text) noexcept;
// True if the whole text stands for a password in documentation: "password", "<pw>", "${PW}".
[[nodiscard]] bool is_placeholder_password(std::string_view text) noexcept;

// Both alphabets, with or without padding, to the first character that is in neither.
[[nodiscard]] std::string decode_base64(std::string_view text);

[[nodiscard]] bool contains_any_case(std::string_view text, std::string_view lower) noexcept;

// ASCII alone, whatever the locale.
[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
[[nodiscard]] constexpr bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
[[nodiscard]] constexpr bool is_alnum(char c) noexcept {
  return is_digit(c) || is_lower(c) || is_upper(c);
}
[[nodiscard]] constexpr bool is_word(char c) noexcept {
  return is_alnum(c) || c == '_' || c == '-';
}
[[nodiscard]] constexpr char lower(char c) noexcept {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr bool is_hex(char c) noexcept {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

}  // namespace bottle
