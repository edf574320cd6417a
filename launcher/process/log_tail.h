#pragma once

#include <filesystem>
#include <string>

namespace bottle::launcher {

// The last lines of a log (at most 4 KiB), each on a line of its own and indented, for the end of
// an error message. Empty when there is nothing. Control characters are left out: it goes to a
// terminal.
std::string log_tail(const std::filesystem::path& file);

}  // namespace bottle::launcher
