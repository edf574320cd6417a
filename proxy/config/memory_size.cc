#include "proxy/config/memory_size.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>

#include "proxy/base/memory_budget.h"

namespace bottle {
namespace {

// cgroup v1 writes "no limit" as the largest number of pages.
constexpr std::uint64_t kNoLimit = 1ull << 60;

std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  if (!(in >> value) || value >= kNoLimit) return std::nullopt;  // "max" is no number
  return value;
}

// Of a group and of those above it, up to `root`.
std::optional<std::uint64_t> least_of(const std::filesystem::path& root, std::string_view group,
                                      const char* file) {
  std::optional<std::uint64_t> least = number_in(root / file);
  std::filesystem::path at = root;
  for (const auto& part : std::filesystem::path(group).relative_path()) {
    at /= part;
    const auto here = number_in(at / file);
    if (here) least = std::min(*here, least.value_or(*here));
  }
  return least;
}

}  // namespace

std::optional<std::size_t> memory_size(std::string_view text) {
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, ec] = std::from_chars(text.data(), last, value);
  if (ec != std::errc()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  int shift = 0;
  if (unit == "K") {
    shift = 10;
  } else if (unit == "M") {
    shift = 20;
  } else if (unit == "G") {
    shift = 30;
  } else if (!unit.empty()) {
    return std::nullopt;
  }
  if (value > kNoLimit >> shift) return std::nullopt;
  return static_cast<std::size_t>(value << shift);
}

std::optional<std::size_t> memory_limit_of_cgroup(const std::filesystem::path& own,
                                                  const std::filesystem::path& root) {
  std::optional<std::uint64_t> least;
  const auto take = [&least](std::optional<std::uint64_t> limit) {
    if (limit) least = std::min(*limit, least.value_or(*limit));
  };
  std::ifstream groups(own);
  // number:controllers:path; v2 has one line, with number 0 and no controllers.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string_view group = std::string_view(line).substr(second + 1);
    if (controllers == ",,") {
      take(least_of(root, group, "memory.max"));
      take(least_of(root / "unified", group, "memory.max"));
    } else if (controllers.find(",memory,") != std::string::npos) {
      take(least_of(root / "memory", group, "memory.limit_in_bytes"));
    }
  }
  return least;
}

std::size_t memory_by_default(std::optional<std::size_t> limit) noexcept {
  if (!limit) return MemoryBudget::kNoCgroup;
  return std::max(MemoryBudget::kLeast, *limit / 2);
}

}  // namespace bottle
