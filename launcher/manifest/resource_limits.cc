#include "launcher/manifest/resource_limits.h"

#include <array>
#include <charconv>

namespace bottle::launcher {
namespace {

constexpr std::uint64_t kKiB = 1024;
// A bottle with less could not run its own first processes.
constexpr std::uint64_t kLeastMemory = 32 * kKiB * kKiB;
constexpr std::uint64_t kMostMemory = 64 * kKiB * kKiB * kKiB * kKiB;
constexpr unsigned kLeastPids = 16;
constexpr unsigned kMostPids = 4'194'304;  // the kernel's own bound
constexpr unsigned kLeastCpus = 1;         // hundredths
constexpr unsigned kMostCpus = 1024 * 100;

constexpr const char* kMemoryForm = R"(write memory as "8g" or "512m", from 32m to 64t)";
constexpr const char* kCpusForm = "write cpus as 4 or 1.5, from 0.01 to 1024";
constexpr const char* kPidsForm = "write pids as 4096, from 16 to 4194304";

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number out{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return out;
}

std::optional<std::uint64_t> bytes_of(std::string_view text) {
  constexpr std::string_view kUnits = "kmgt";
  if (text.size() < 2) return std::nullopt;
  const auto unit = kUnits.find(static_cast<char>(text.back() | 0x20));
  const auto number = whole<std::uint32_t>(text.substr(0, text.size() - 1));
  if (unit == std::string_view::npos || !number) return std::nullopt;
  // 32 bits, and 40 at most of the unit: it fits.
  const std::uint64_t bytes = static_cast<std::uint64_t>(*number) << (10 * (unit + 1));
  if (bytes < kLeastMemory || bytes > kMostMemory) return std::nullopt;
  return bytes;
}

std::optional<unsigned> hundredths_of(std::string_view text) {
  const auto point = text.find('.');
  const auto before = whole<std::uint16_t>(text.substr(0, point));
  if (!before) return std::nullopt;
  unsigned out = 100U * *before;
  if (point != std::string_view::npos) {
    const auto digits = text.substr(point + 1);
    const auto after = whole<std::uint8_t>(digits);
    if (!after || digits.size() > 2) return std::nullopt;
    out += digits.size() == 1 ? 10U * *after : *after;
  }
  if (out < kLeastCpus || out > kMostCpus) return std::nullopt;
  return out;
}

}  // namespace

bool is_resource(std::string_view name) {
  return name == "memory" || name == "cpus" || name == "pids";
}

std::string set_resource(std::string_view name, std::string_view value, ResourceLimits& limits) {
  if (name == "memory") {
    limits.memory = bytes_of(value);
    return limits.memory ? "" : kMemoryForm;
  }
  if (name == "cpus") {
    limits.cpus = hundredths_of(value);
    return limits.cpus ? "" : kCpusForm;
  }
  limits.pids = whole<unsigned>(value);
  if (limits.pids && (*limits.pids < kLeastPids || *limits.pids > kMostPids)) limits.pids.reset();
  return limits.pids ? "" : kPidsForm;
}

std::string set_resource(std::string_view name, const JsonNode& value, ResourceLimits& limits) {
  using Kind = JsonNode::Kind;
  // A number would be bytes to one reader and gigabytes to another.
  const bool right = name == "memory" ? value.kind == Kind::kString
                                      : value.kind == Kind::kNumber || value.kind == Kind::kString;
  return set_resource(name, right ? std::string_view(value.text) : std::string_view(), limits);
}

std::string memory_words(std::uint64_t bytes) {
  constexpr std::array kUnitNames{"KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  std::uint64_t number = bytes / kKiB;
  while (unit + 1 < kUnitNames.size() && number % kKiB == 0) {
    number /= kKiB;
    ++unit;
  }
  return std::to_string(number) + " " + kUnitNames[unit];
}

std::string cpu_words(unsigned hundredths) {
  std::string out = std::to_string(hundredths / 100);
  if (const unsigned rest = hundredths % 100; rest != 0) {
    out += rest < 10 ? ".0" : ".";
    out += std::to_string(rest % 10 == 0 ? rest / 10 : rest);
  }
  return out;
}

std::string words_of(const ResourceLimits& limits) {
  std::string out;
  const auto add = [&out](const std::string& words) { out += (out.empty() ? "" : ", ") + words; };
  if (limits.memory) add(memory_words(*limits.memory) + " of memory");
  if (limits.cpus)
    add(cpu_words(*limits.cpus) + (*limits.cpus == 100 ? " processor" : " processors"));
  if (limits.pids) add(std::to_string(*limits.pids) + " processes");
  return out;
}

}  // namespace bottle::launcher
