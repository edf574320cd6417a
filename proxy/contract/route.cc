#include "proxy/contract/route.h"

#include <cstddef>

namespace bottle {

const RouteRow& row_of(Route route) noexcept { return kRoutes[static_cast<std::size_t>(route)]; }

std::optional<Route> route_by_word(std::string_view word) noexcept {
  for (const RouteRow& row : kRoutes) {
    if (row.word == word) return row.route;
  }
  return std::nullopt;
}

std::string no_such_route(std::string_view word) {
  return "the route \"" + std::string(word.substr(0, 100)) + "\" does not exist; use " +
         route_words() + ", or leave the host out";
}

std::string route_words() {
  std::string out;
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    if (i > 0) out += i + 1 == kRoutes.size() ? " or " : ", ";
    out += kRoutes[i].word;
  }
  return out;
}

}  // namespace bottle
