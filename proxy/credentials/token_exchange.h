#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

namespace bottle {

// Puts `token` where it is shown with `placeholder` in a field's value: in the place of the whole
// JWT, since its claims may be those of an earlier one. False if it is not there.
[[nodiscard]] bool put_token(std::string& value, std::string_view placeholder,
                             std::string_view token);

inline constexpr std::size_t kMaxTokenMessage = 64 * 1024;

// The body of a request for new tokens (RFC 6749 section 6, as JSON) in which the refresh token is
// shown with `placeholder`, with `token` in its place. Nothing if it is another request: then
// nothing may be put into it, since what comes of it is not known.
[[nodiscard]] std::optional<Bytes> refresh_with(ByteView body, std::string_view placeholder,
                                                std::string_view token);

struct TokenAnswer {
  std::map<std::string, std::string> tokens;  // those of the answer that have a placeholder
  std::optional<std::int64_t> expires_in;     // seconds
  Bytes shown;                                // the answer for the agent: made anew, as JSON
};

// Reads the answer (RFC 6749 section 5.1). `placeholders` by the tokens' names. In `shown` these
// tokens are shown with their placeholders, and every other text that is named like a token is
// empty. A Failure (login_answer_odd) if it is not exactly one JSON object without a name twice, of
// at most 16 levels, with an access token.
[[nodiscard]] Result<TokenAnswer> read_token_answer(
    ByteView body, const std::map<std::string, std::string>& placeholders);

// The body of a refusal (RFC 6749 section 5.2) for the agent: made anew, if it is JSON without
// `secret` in it; else empty.
[[nodiscard]] Bytes shown_refusal(ByteView body, std::string_view secret);

}  // namespace bottle
