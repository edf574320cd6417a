#include "proxy/guard/encodings.h"

#include <cstdint>

#include "proxy/http/fields.h"

namespace bottle {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kHex = "0123456789abcdef";

// The digits of `width` bits each that lie wholly in the value, which begins `alignment` bytes
// behind a group's start.
std::string core(std::string_view value, std::size_t alignment, std::size_t width,
                 std::string_view digits) {
  const std::size_t first_bit = alignment * 8;
  const std::size_t end_bit = first_bit + value.size() * 8;
  std::string out;
  for (std::size_t at = (first_bit + width - 1) / width; at < end_bit / width; ++at) {
    unsigned digit = 0;
    for (std::size_t bit = at * width; bit < (at + 1) * width; ++bit) {
      const std::size_t in_value = bit - first_bit;
      const auto byte = static_cast<unsigned char>(value[in_value / 8]);
      digit = digit * 2 + ((byte >> (7 - in_value % 8)) & 1u);
    }
    out.push_back(digits[digit]);
  }
  return out;
}

}  // namespace

std::string base64_core(std::string_view value, std::size_t alignment) {
  return core(value, alignment, 6, kBase64);
}

std::string base32_core(std::string_view value, std::size_t alignment) {
  return core(value, alignment, 5, kBase32);
}

std::string base64_url_safe(std::string text) {
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

std::string hex_lower(std::string_view value) {
  std::string out;
  out.reserve(value.size() * 2);
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

std::optional<std::string> basic_credentials(std::string_view field_value) {
  const std::string_view value = trim_ows(field_value);
  constexpr std::string_view kScheme = "basic";
  if (value.size() <= kScheme.size() || !iequals(value.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  std::string_view text = value.substr(kScheme.size());
  if (text.front() != ' ' && text.front() != '\t') return std::nullopt;
  text = trim_ows(text);
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (char c : text) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
    const std::size_t sextet = kBase64.find(c);
    if (sextet == std::string_view::npos) break;
    bits = (bits << 6) | static_cast<std::uint32_t>(sextet);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>((bits >> count) & 0xffu));
    }
  }
  return out;
}

}  // namespace bottle
