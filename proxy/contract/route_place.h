#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/contract/error.h"
#include "proxy/contract/host_pattern.h"

namespace bottle {

// The place that a route is for, in the one grammar of manifests and of --route:
//
//   HOST[/PATH]   HOST is a HostPattern without a port; PATH covers itself and all below it
//                 ("/ws" covers /ws, /ws/a and /ws?b, and not /wsx)
//
// A value.
struct RoutePlace {
  static constexpr std::size_t kLongestPath = 1024;

  // An Error of kUsage: its message says what is wrong with the text, without the text itself.
  [[nodiscard]] static Expected<RoutePlace> parse(std::string_view text);

  [[nodiscard]] bool has_path() const noexcept { return !path.empty(); }
  // `plain` is plain_path()'s.
  [[nodiscard]] bool covers(std::string_view plain) const noexcept;
  // As parse() takes it.
  [[nodiscard]] std::string text() const { return host.host_text() + path; }

  HostPattern host;
  std::string path;  // begins with "/" and does not end with it; empty: every path of the host
};

// The path of a request's canonical target as routes compare it: without the query, and with those
// escapes undone that mean the same without (RFC 3986 section 6.2.2.2). Nothing where two servers
// may read two paths: "." and ".." as a segment, an empty segment but the last, a backslash, an
// escaped slash, backslash, percent sign or control byte, or ";" (a parameter to some).
[[nodiscard]] std::optional<std::string> plain_path(std::string_view target);

}  // namespace bottle
