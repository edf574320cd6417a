#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bottle::launcher {

// For a terminal: control characters and bytes beyond ASCII become '?', at most `most` bytes.
std::string printable(std::string_view text, std::size_t most = 255);

// "3 s", "4 min", "2 h 5 min", "3 d 4 h".
std::string duration_words(std::int64_t seconds);

}  // namespace bottle::launcher
