#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace bottle {

using HashKey = std::array<unsigned char, 16>;

[[nodiscard]] HashKey random_hash_key();

// A keyed hash (SipHash-2-4 with 128 bits of output): without the key, its outputs look random and
// tell nothing of each other.
[[nodiscard]] std::array<unsigned char, 16> keyed_hash(const HashKey& key,
                                                       std::string_view text) noexcept;
// The same as a number that is not 0.
[[nodiscard]] std::uint64_t keyed_number(const HashKey& key, std::string_view text) noexcept;

}  // namespace bottle
