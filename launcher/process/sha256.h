#pragma once

#include <string>
#include <string_view>

namespace bottle::launcher {

// SHA-256 (FIPS 180-4), 32 bytes. For what anybody may see: it takes a time that depends on the
// length alone, and wipes nothing.
std::string sha256(std::string_view data);

}  // namespace bottle::launcher
