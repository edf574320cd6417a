#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace bottle {

// The names that belong to bottle-proxy and to pipelock behind it: by these they speak with each
// other, so that a client or an origin that uses one forges it.
inline constexpr std::array<std::string_view, 3> kControlFieldPrefixes{"x-bottle", "x-pipelock",
                                                                       "pipelock"};
// Begins the labels of pipelock's members in Signature and Signature-Input (RFC 9421 section 4).
inline constexpr std::string_view kControlSignaturePrefix = "pipelock";

// `lower_name` in lower case.
[[nodiscard]] constexpr bool is_control_field(std::string_view lower_name) noexcept {
  return std::any_of(
      kControlFieldPrefixes.begin(), kControlFieldPrefixes.end(),
      [lower_name](std::string_view prefix) { return lower_name.starts_with(prefix); });
}

}  // namespace bottle
