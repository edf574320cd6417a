#pragma once

#include <string_view>

#include "proxy/contract/error.h"
#include "proxy/guard/matcher.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {

// The databases as the build made them (see compile/main.cc): of token_shapes(), and of both sets.
namespace compiled {
extern const std::string_view kTokenShapes;
extern const std::string_view kAllShapes;
}  // namespace compiled

// The token shapes as the matcher reads them, and with `financial` those of financial_shapes()
// behind them. What the build made is loaded; a library of another version takes a second to
// compile them.
[[nodiscard]] Expected<MatchDatabase> shape_database(bool financial);

// The shape of a pattern's id.
[[nodiscard]] const TokenShape& shape_of(std::size_t id) noexcept;

}  // namespace bottle
