#pragma once

#include <cstddef>
#include <filesystem>

namespace bottle::launcher {

// How many lines of an audit log tell of a refusal. Looks at the log's first 64 MiB; a log that
// cannot be read has none.
std::size_t count_refused(const std::filesystem::path& audit);

}  // namespace bottle::launcher
