#include "proxy/guard/encodings.h"

#include <algorithm>
#include <cstdint>

#include "proxy/http/fields.h"

namespace bottle {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kBase32Hex = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
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

// The groups of `size` bytes that lie wholly in the value, which begins `alignment` bytes behind a
// group's start.
template <class Write>
void each_group(std::string_view value, std::size_t alignment, std::size_t size, Write write) {
  for (std::size_t at = (size - alignment) % size; at + size <= value.size(); at += size) {
    write(value.substr(at, size));
  }
}

std::string base85(std::string_view value, std::size_t alignment, char first,
                   std::string_view digits) {
  std::string out;
  each_group(value, alignment, 4, [&](std::string_view group) {
    std::uint32_t number = 0;
    for (const char c : group) number = number << 8 | static_cast<unsigned char>(c);
    std::string text(5, '\0');
    for (std::size_t i = text.size(); i > 0; --i, number /= 85) {
      const std::uint32_t digit = number % 85;
      text[i - 1] = digits.empty() ? static_cast<char>(static_cast<unsigned char>(first) + digit)
                                   : digits[digit];
    }
    out += text;
  });
  return out;
}

}  // namespace

std::string base64_core(std::string_view value, std::size_t alignment) {
  return core(value, alignment, 6, kBase64);
}

std::string uuencode_core(std::string_view value, std::size_t alignment, char zero) {
  static constexpr std::string_view kDigits =
      " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_";
  std::string out = core(value, alignment, 6, kDigits);
  std::replace(out.begin(), out.end(), ' ', zero);
  return out;
}

std::string base32_core(std::string_view value, std::size_t alignment) {
  return core(value, alignment, 5, kBase32);
}

std::string base32hex_core(std::string_view value, std::size_t alignment) {
  return core(value, alignment, 5, kBase32Hex);
}

std::string binary_digits(std::string_view value, bool highest_first) {
  std::string out;
  for (const char c : value) {
    for (unsigned i = 0; i < 8; ++i) {
      const unsigned bit = highest_first ? 7 - i : i;
      out.push_back((static_cast<unsigned char>(c) >> bit & 1u) != 0 ? '1' : '0');
    }
  }
  return out;
}

std::string z85_core(std::string_view value, std::size_t alignment) {
  return base85(value, alignment, 0, kZ85);
}

std::string ascii85_core(std::string_view value, std::size_t alignment) {
  return base85(value, alignment, '!', {});
}

std::string words_core(std::string_view value, std::size_t alignment, std::size_t size,
                       unsigned base, std::size_t width) {
  std::string out;
  each_group(value, alignment, size, [&](std::string_view group) {
    std::uint64_t number = 0;
    for (std::size_t i = size; i > 0; --i) {
      number = number << 8 | static_cast<unsigned char>(group[i - 1]);
    }
    std::string text;
    for (; number > 0 || text.empty(); number /= base) {
      text.insert(text.begin(), static_cast<char>('0' + number % base));
    }
    if (text.size() < width) text.insert(0, width - text.size(), '0');
    out += text;
  });
  return out;
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

std::string base64_bytes(std::string_view text) {
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

std::optional<std::string> basic_credentials(std::string_view field_value) {
  const std::string_view value = trim_ows(field_value);
  constexpr std::string_view kScheme = "basic";
  if (value.size() <= kScheme.size() || !iequals(value.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  std::string_view text = value.substr(kScheme.size());
  if (text.front() != ' ' && text.front() != '\t') return std::nullopt;
  return base64_bytes(trim_ows(text));
}

}  // namespace bottle
