#pragma once

#include <array>
#include <cstdint>

namespace bottle {

inline constexpr std::uint8_t kNoDigit = 0xff;

// The value of each hex digit of either case; kNoDigit for every other byte.
inline constexpr std::array<std::uint8_t, 256> kHexDigits = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNoDigit);
  for (unsigned i = 0; i < 10; ++i) table['0' + i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 0; i < 6; ++i) {
    table['a' + i] = static_cast<std::uint8_t>(10 + i);
    table['A' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return table;
}();

[[nodiscard]] inline std::uint8_t hex_digit(char c) noexcept {
  return kHexDigits[static_cast<unsigned char>(c)];
}

}  // namespace bottle
