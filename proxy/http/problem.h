#pragma once

#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/failure.h"
#include "proxy/http/head.h"

namespace bottle {

// An answer that the proxy gives by itself.
struct LocalAnswer {
  ResponseHead head;  // has_body, content_length and keep_alive are set; no framing fields
  Bytes body;
};

// What a client gets to read for a Failure: problem+json (RFC 9457) with type, title, status,
// detail, code, request_id, hint; nosniff, no-store; X-Bottle-Deny where policy or the scanner
// refused; Proxy-Authenticate with a 407; Upgrade with a 426; Retry-After where
// waiting helps. Every string is escaped and bounded, so a `detail` or
// `reason` with bytes of the peer's does no harm. A Failure that the table gives no status (client
// gone) comes out as 500: callers answer nothing instead.
// Under HEAD the caller leaves the body out.
[[nodiscard]] LocalAnswer problem_answer(const Failure& failure, std::string_view request_id);

// Appends `text` as a quoted JSON string of at most `max` input bytes: control bytes escaped, bytes
// outside ASCII replaced by U+FFFD, a longer text cut with "...".
void append_json_string(Bytes& out, std::string_view text, std::size_t max);

}  // namespace bottle
