#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace bottle {

// How much a spool holds of request bodies; docs/limits.md shows the numbers.
struct SpoolLimits {
  std::size_t memory_bytes = 256 * 1024;         // nearly all API requests; above that on disk
  std::uint64_t body_bytes = 32u << 20;          // the most that pipelock scans
  std::uint64_t total_bytes = 256u << 20;        // of all bodies held by one worker
  std::chrono::milliseconds body_time{300'000};  // until the whole of one body is here
  std::filesystem::path directory = "/var/tmp";  // not a memory file system, if there is a choice
};

}  // namespace bottle
