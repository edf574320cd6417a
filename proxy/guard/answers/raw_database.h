#pragma once

#include <vector>

#include "proxy/contract/error.h"
#include "proxy/guard/matcher.h"

namespace bottle {

// The patterns of mark_patterns(), command_patterns() and terminal_patterns(), in this order.
[[nodiscard]] std::vector<MatchPattern> raw_patterns();
// The same as the matcher reads them.
[[nodiscard]] Expected<MatchDatabase> raw_database();

}  // namespace bottle
