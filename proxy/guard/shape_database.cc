#include "proxy/guard/shape_database.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/guard/shapes/scanner_patterns.h"

namespace bottle {

std::size_t count_of(ShapeChoice choice) noexcept {
  std::size_t count = token_shapes().size();
  if (choice >= ShapeChoice::Financial) count += financial_shapes().size();
  if (choice >= ShapeChoice::Scanner) count += scanner_shapes().size();
  return count;
}

Expected<MatchDatabase> shape_database(ShapeChoice choice) {
  const std::array kCompiled{compiled::kTokens, compiled::kFinancial, compiled::kScanner};
  auto loaded = MatchDatabase::load(kCompiled[static_cast<std::size_t>(choice)]);
  if (loaded) return std::move(*loaded);
  std::vector<MatchPattern> patterns;
  for (std::size_t i = 0; i < count_of(choice); ++i) {
    patterns.push_back(
        MatchPattern{.expression = std::string(shape_of(i).pattern), .any_case = false});
  }
  return MatchDatabase::compile(patterns, MatchPlatform::This);
}

const TokenShape& shape_of(std::size_t id) noexcept {
  for (const auto shapes : {token_shapes(), financial_shapes()}) {
    if (id < shapes.size()) return shapes[id];
    id -= shapes.size();
  }
  return scanner_shapes()[id];
}

}  // namespace bottle
