#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/failure.h"
#include "proxy/http/head.h"

namespace bottle {

// The most bytes of detail and of hint in an answer of the proxy's: enough for two sentences.
inline constexpr std::size_t kMaxProblemText = 512;

// An answer that the proxy gives by itself.
struct LocalAnswer {
  ResponseHead head;  // has_body, content_length and keep_alive are set; no framing fields
  Bytes body;
};

// The answer that a client gets for a Failure: problem+json (RFC 9457) with type, title, status,
// hint, detail, code, request_id; nosniff, no-store; X-Bottle-Deny for a refusal by decision
// (LogLevel::Audit); Proxy-Authenticate with a 407; Upgrade with a 426; Retry-After where waiting
// helps. Every string is escaped and bounded, so a `detail` or `reason` with bytes of the peer's
// does no harm. A Failure that the table gives no status (client gone) comes out as 500: callers
// answer nothing instead.
// Under HEAD the caller leaves the body out.
// `host` is where the request went, for the title; empty if there is none, or none to be
// repeated. `status`: if it is not to be the table's.
[[nodiscard]] LocalAnswer problem_answer(const Failure& failure, std::string_view request_id,
                                         std::string_view host = {}, int status = 0);

// The document's title: what the table says, and the host, since some clients show the user the
// first words alone.
[[nodiscard]] std::string problem_title(const Failure& failure, std::string_view host);
// The failure's word if it is fit for a field and a URN, else the table's.
[[nodiscard]] std::string_view problem_word(const Failure& failure);

// Appends `text` as a quoted JSON string of at most `max` input bytes: control bytes escaped, bytes
// outside ASCII replaced by U+FFFD, a longer text cut with "...".
void append_json_string(Bytes& out, std::string_view text, std::size_t max);

}  // namespace bottle
