#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bottle {

// Which of a block's kBlockBytes bytes are what: bit i tells of byte i.
struct TextClasses {
  std::uint64_t words = 0;   // characters of a word (kWordChars)
  std::uint64_t digits = 0;  // decimal
  std::uint64_t hex = 0;
  std::uint64_t equals = 0;  // =
  std::uint64_t begins = 0;  // a b that begins a line or a string, as uuencode's "begin" does
};

inline constexpr std::size_t kBlockBytes = 64;

// The bits of a byte's class. A byte is of a class if the rows of both its halves are.
inline constexpr unsigned kDigitClass = 1u << 0;
inline constexpr unsigned kHexLetterClass = 1u << 1;
inline constexpr unsigned kEqualsClass = 1u << 6;
inline constexpr unsigned kHexClasses = kDigitClass | kHexLetterClass;
// Letters up to O, and the others; + - /; _.
inline constexpr unsigned kWordClasses = kDigitClass | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5;

inline constexpr std::array<std::uint8_t, 16> kHighRows = {0,
                                                           0,
                                                           1 << 4,
                                                           kDigitClass | kEqualsClass,
                                                           kHexLetterClass | 1 << 2,
                                                           1 << 3 | 1 << 5,
                                                           kHexLetterClass | 1 << 2,
                                                           1 << 3};
inline constexpr std::array<std::uint8_t, 16> kLowRows = [] {
  std::array<std::uint8_t, 16> rows{};
  for (unsigned low = 0; low < 16; ++low) {
    unsigned row = 0;
    if (low <= 9) row |= kDigitClass;
    if (low >= 1 && low <= 6) row |= kHexLetterClass;
    if (low >= 1) row |= 1u << 2;
    if (low <= 10) row |= 1u << 3;
    if (low == 0xb || low == 0xd || low == 0xf) row |= 1u << 4;
    if (low == 0xf) row |= 1u << 5;
    if (low == 0xd) row |= kEqualsClass;
    rows[low] = static_cast<std::uint8_t>(row);
  }
  return rows;
}();

}  // namespace bottle
