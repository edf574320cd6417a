#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bottle {

// The characters of a word: the alphabets of base64 and base64url, which hold those of base32 and
// hex.
inline constexpr std::array<bool, 256> kWordChars = [] {
  std::array<bool, 256> table{};
  for (unsigned i = 0; i < 10; ++i) table['0' + i] = true;
  for (unsigned i = 0; i < 26; ++i) table['a' + i] = table['A' + i] = true;
  for (const char c : {'+', '/', '-', '_'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

inline constexpr std::size_t kMaskBytes = 64;

// Bit i says whether block[i] is a character of a word. `block` has kMaskBytes bytes.
using WordMask = std::uint64_t (*)(const char* block);
// The fastest that this CPU has.
[[nodiscard]] WordMask word_mask() noexcept;

}  // namespace bottle
