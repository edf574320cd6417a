#pragma once

#include <array>
#include <string>
#include <string_view>

namespace bottle::launcher {

// SHA-256 (FIPS 180-4), 32 bytes. For what anybody may see: it takes a time that depends on the
// length alone, and wipes nothing.
std::string sha256(std::string_view data);
// Of `front` and `back` as one text, as the chain of the audit log wants it.
std::array<unsigned char, 32> sha256_of_both(std::string_view front, std::string_view back);

}  // namespace bottle::launcher
