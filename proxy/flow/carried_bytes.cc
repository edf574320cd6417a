#include "proxy/flow/carried_bytes.h"

#include <algorithm>

namespace bottle {

CarriedBytes::Entry* CarriedBytes::find_or_add(std::string_view name, std::size_t most) noexcept {
  const std::uint64_t host = keyed_number(key, name);
  const auto end = entries.begin() + static_cast<std::ptrdiff_t>(std::min(most, kHosts));
  const auto found = std::find_if(
      entries.begin(), end, [&](const Entry& one) { return one.host == host || one.host == 0; });
  if (found == end) return nullptr;
  found->host = host;
  return &*found;
}

}  // namespace bottle
