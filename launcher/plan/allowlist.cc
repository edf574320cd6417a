#include "launcher/plan/allowlist.h"

#include <algorithm>

#include "proxy/contract/host_pattern.h"

namespace bottle::launcher {

bool opens(const std::vector<std::string>& allow, std::string_view host, std::uint16_t port) {
  const HostReading reading = read_host(host);
  if (reading.defect != nullptr) return false;
  const auto patterns = host_patterns(allow);
  return std::any_of(patterns.begin(), patterns.end(), [&](const HostPattern& entry) {
    return entry.matches(reading.kind, reading.text) && entry.opens(port);
  });
}

}  // namespace bottle::launcher
