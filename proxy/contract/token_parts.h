#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bottle {

// A token in two forms. A JWT (RFC 7519) is read by clients, who look for its end and for the
// account in it: of one, only the signature is secret, and the placeholder takes its place. Of any
// other token all is.
[[nodiscard]] bool is_signed_jwt(std::string_view token);
[[nodiscard]] std::string_view secret_part(std::string_view token);
// The token as the agent sees it.
[[nodiscard]] std::string shown_token(std::string_view token, std::string_view placeholder);

inline constexpr std::size_t kMinTokenSize = 20;  // a shorter text is none

// True of the characters that base64url has (RFC 4648 section 5), without padding.
[[nodiscard]] constexpr bool is_base64url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace bottle
