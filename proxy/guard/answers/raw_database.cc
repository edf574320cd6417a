#include "proxy/guard/answers/raw_database.h"

#include <utility>

namespace bottle {

Expected<MatchDatabase> raw_database() {
  auto loaded = MatchDatabase::load(compiled::kAnswerPatterns);
  if (loaded) return std::move(*loaded);
  return MatchDatabase::compile(raw_patterns(), MatchPlatform::This);
}

}  // namespace bottle
