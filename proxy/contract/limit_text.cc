#include "proxy/contract/limit_text.h"

#include <cstddef>

namespace bottle {

std::string problem_with_limit(std::string_view name, std::string_view number) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_";
  constexpr std::size_t kMostDigits = 18;
  if (name.empty() || name.find_first_not_of(kLetters) != std::string_view::npos) {
    return "a name has small letters, digits and '_'";
  }
  const bool whole = !number.empty() && number.size() <= kMostDigits &&
                     number.find_first_not_of("0123456789") == std::string_view::npos;
  return whole ? "" : "a value is a whole number: milliseconds, bytes or a count";
}

}  // namespace bottle
