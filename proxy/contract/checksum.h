#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bottle {

// CRC-32 as in zip and Ethernet.
[[nodiscard]] std::uint32_t crc32_of(std::string_view text) noexcept;

// The last six characters of GitHub's and npm's tokens: the CRC-32 of the thirty before them, in
// base 62 (digits, capitals, small letters). Throws nothing: so short a string needs no memory.
[[nodiscard]] std::string token_checksum(std::string_view text) noexcept;

}  // namespace bottle
