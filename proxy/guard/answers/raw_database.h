#pragma once

#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/guard/matcher.h"

namespace bottle {

namespace compiled {
extern const std::string_view kAnswerPatterns;  // as the build made them (compile/main.cc)
}  // namespace compiled

// The patterns of mark_patterns(), command_patterns() and terminal_patterns(), in this order.
[[nodiscard]] std::vector<MatchPattern> raw_patterns();
// The same as the matcher reads them. The database of the build is loaded; a library of another
// version takes a tenth of a second to compile them.
[[nodiscard]] Expected<MatchDatabase> raw_database();

}  // namespace bottle
