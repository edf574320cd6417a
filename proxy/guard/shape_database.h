#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/contract/error.h"
#include "proxy/guard/matcher.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {

// The sets of shapes that a text is searched for; each has those of the one before.
enum class ShapeChoice : std::uint8_t {
  Tokens,     // token_shapes()
  Financial,  // and financial_shapes()
  Scanner,    // and scanner_shapes()
};
[[nodiscard]] std::size_t count_of(ShapeChoice choice) noexcept;

// The databases as the build made them (see compile/main.cc).
namespace compiled {
extern const std::string_view kTokens;
extern const std::string_view kFinancial;
extern const std::string_view kScanner;
}  // namespace compiled

// The shapes as the matcher reads them. The database of the build is loaded; a library of another
// version takes a second to compile them.
[[nodiscard]] Expected<MatchDatabase> shape_database(ShapeChoice choice);

// The shape of a pattern's id.
[[nodiscard]] const TokenShape& shape_of(std::size_t id) noexcept;

}  // namespace bottle
