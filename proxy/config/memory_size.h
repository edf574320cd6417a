#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>

namespace bottle {

// "268435456", "256M" or "1G": a number of bytes, KiB (K), MiB or GiB. Nothing: it is none.
[[nodiscard]] std::optional<std::size_t> memory_size(std::string_view text);

// The memory that this process's cgroup, and those above it, let it have: the least of their
// limits. Nothing: there is none. Of cgroup v2 (memory.max) and v1 (memory.limit_in_bytes).
[[nodiscard]] std::optional<std::size_t> memory_limit_of_cgroup(
    const std::filesystem::path& own = "/proc/self/cgroup",
    const std::filesystem::path& root = "/sys/fs/cgroup");

// --memory where it is not given.
[[nodiscard]] std::size_t memory_by_default(std::optional<std::size_t> limit) noexcept;

}  // namespace bottle
