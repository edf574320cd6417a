#include "proxy/guard/shape_database.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bottle {

Expected<MatchDatabase> shape_database(bool financial) {
  auto loaded = MatchDatabase::load(financial ? compiled::kAllShapes : compiled::kTokenShapes);
  if (loaded) return std::move(*loaded);
  std::vector<MatchPattern> patterns;
  const std::size_t count = token_shapes().size() + (financial ? financial_shapes().size() : 0);
  for (std::size_t i = 0; i < count; ++i) {
    patterns.push_back(
        MatchPattern{.expression = std::string(shape_of(i).pattern), .any_case = false});
  }
  return MatchDatabase::compile(patterns, MatchPlatform::This);
}

const TokenShape& shape_of(std::size_t id) noexcept {
  const auto tokens = token_shapes();
  return id < tokens.size() ? tokens[id] : financial_shapes()[id - tokens.size()];
}

}  // namespace bottle
