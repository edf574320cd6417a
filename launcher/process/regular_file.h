#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// Reads files at places where the agent can write: a pipe or a device there must neither hold the
// launcher nor fill its memory.

// Larger than any manifest that a person writes.
inline constexpr std::size_t kMaxRegularFile = std::size_t{1024} * 1024;

// The text of a regular file, also through a link. The Error's message is only the reason ("it is
// a pipe"), for the caller's own sentence.
Expected<std::string> regular_text(const std::filesystem::path& file,
                                   std::size_t most = kMaxRegularFile);
// The same of a file that is open, from its begin. `fd` was opened with O_NONBLOCK.
Expected<std::string> regular_text(int fd, std::size_t most = kMaxRegularFile);

}  // namespace bottle::launcher
