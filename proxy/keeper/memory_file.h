#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/contract/fd.h"

namespace bottle {

// A file that is in memory alone and cannot be changed any more. `name` is shown in
// /proc/PID/fd. No descriptor: errno.
[[nodiscard]] Fd memory_file(const char* name, std::string_view text);
// All of it, also if it was read before. Nothing: it cannot be read, or has more than `most` bytes.
[[nodiscard]] std::optional<std::string> text_of_file(int fd, std::size_t most);

}  // namespace bottle
