#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/route.h"

namespace bottle {

// The part of a PolicyBook that the next process of the same proxy must have, as a value.
struct KeptPolicy {
  struct Entry {
    std::string host;  // HostPattern
    std::optional<Route> route{};
    std::optional<std::chrono::steady_clock::time_point> until{};  // the machine's, not a process's
    std::string by{};
    std::optional<std::chrono::system_clock::time_point> since{};
  };
  std::vector<Entry> added{};   // the newest first
  std::vector<Entry> closed{};  // the same
  std::vector<std::string> allow{};
  std::vector<std::string> routes{};
};

// One JSON object.
[[nodiscard]] std::string to_text(const KeptPolicy& policy);
[[nodiscard]] std::optional<KeptPolicy> kept_policy_in(std::string_view text);

}  // namespace bottle
