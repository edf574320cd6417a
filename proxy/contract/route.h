#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bottle {

// Says what happens to a destination's requests.
enum class Route : std::uint8_t { Scan, ScanRequests, Relay, Splice, Deny };

// One row for each route: adding one begins here.
struct RouteRow {
  Route route;
  std::string_view word;  // in manifests, options, audit lines and errors
  bool bypasses_scanner;  // pipelock does not see the response's body
  bool needs_exit;        // behind pipelock
  bool whole_host;        // paths are not seen: the route is for all of them or for none
};
inline constexpr std::array kRoutes{
    RouteRow{Route::Scan, "scan", false, false, false},
    RouteRow{Route::ScanRequests, "scan-requests", true, true, false},
    RouteRow{Route::Relay, "relay", true, false, false},
    RouteRow{Route::Splice, "splice", true, false, true},
    RouteRow{Route::Deny, "deny", false, false, false},
};

[[nodiscard]] const RouteRow& row_of(Route route) noexcept;
[[nodiscard]] inline std::string_view to_string(Route route) noexcept { return row_of(route).word; }
[[nodiscard]] std::optional<Route> route_by_word(std::string_view word) noexcept;
// Why there is no such route, with what to write instead. For a word that route_by_word() refuses.
[[nodiscard]] std::string no_such_route(std::string_view word);
// All of them, "a, b or c": for messages and --help.
[[nodiscard]] std::string route_words();

}  // namespace bottle
