#pragma once

#include <string_view>

namespace bottle {

// Methods whose repetition has no further effect (RFC 9110 section 9.2.2): a proxy sends no other
// request a second time by itself.
[[nodiscard]] constexpr bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

}  // namespace bottle
