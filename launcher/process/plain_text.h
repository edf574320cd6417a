#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bottle::launcher {

// For a terminal: control characters and bytes beyond ASCII become '?', at most `most` bytes.
std::string printable(std::string_view text, std::size_t most = 255);

// The last line of a program's output, for a terminal; empty lines and blanks at the end are left
// out.
std::string last_line(std::string_view text, std::size_t most = 200);

// "3 s", "4 min", "2 h 5 min", "3 d 4 h".
std::string duration_words(std::int64_t seconds);

}  // namespace bottle::launcher
