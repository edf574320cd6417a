#include "proxy/contract/finding_record.h"

#include <array>

namespace bottle {

std::string_view to_string(FindingAction action) noexcept {
  constexpr std::array<std::string_view, 3> kWords{"refused", "redacted", "noted"};
  return kWords[static_cast<std::size_t>(action)];
}

}  // namespace bottle
