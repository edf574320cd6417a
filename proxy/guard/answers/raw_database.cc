#include "proxy/guard/answers/raw_database.h"

#include <string>

#include "proxy/guard/answers/phrases.h"

namespace bottle {

std::vector<MatchPattern> raw_patterns() {
  std::vector<MatchPattern> patterns;
  const auto add = [&](std::span<const RawPhrase> phrases, bool any_case) {
    for (const RawPhrase& phrase : phrases) {
      patterns.push_back({std::string(phrase.expression), any_case});
    }
  };
  add(mark_patterns(), true);
  add(command_patterns(), true);
  add(terminal_patterns(), false);  // control sequences tell cases apart
  return patterns;
}

Expected<MatchDatabase> raw_database() {
  return MatchDatabase::compile(raw_patterns(), MatchPlatform::This);
}

}  // namespace bottle
