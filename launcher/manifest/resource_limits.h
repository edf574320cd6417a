#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// Upper bounds for the processes of one bottle together. nullopt: there is none.
struct ResourceLimits {
  std::optional<std::uint64_t> memory{};  // bytes
  std::optional<unsigned> cpus{};         // hundredths of a processor
  std::optional<unsigned> pids{};         // processes and threads

  bool any() const { return memory || cpus || pids; }
};

// True of "memory", "cpus" and "pids".
bool is_resource(std::string_view name);

// Reads the value of one of these. The answer is empty, or names the mistake and the right form.
std::string set_resource(std::string_view name, std::string_view value, ResourceLimits& limits);

// The same for a member of "limits" in a manifest.
std::string set_resource(std::string_view name, const JsonNode& value, ResourceLimits& limits);

// For people: "8 GiB", "1.5".
std::string memory_words(std::uint64_t bytes);
std::string cpu_words(unsigned hundredths);
// "8 GiB of memory, 4 processors, 4096 processes"; limits that are not set are left out.
std::string words_of(const ResourceLimits& limits);

}  // namespace bottle::launcher
