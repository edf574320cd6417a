#pragma once

#include <string_view>

namespace bottle {

// Sends the program's log (spdlog) to standard error, from level `level` on. A log is not the audit
// log: what standard error does not take at once is dropped, so that a reader that has stopped
// holds nothing up.
void set_up_log(std::string_view level);

// A line for a person on standard error, likewise.
void complain(std::string_view what);

}  // namespace bottle
