#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"
#include "proxy/http/framing_rules.h"
#include "proxy/http/h1_writer.h"
#include "proxy/upstream/pool.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

// The peer of a connection. The scanner's control fields are evidence for the verdict on its answer
// (check_response), and an answer of its before the request's end makes the rest useless.
enum class Responder : std::uint8_t { Origin, Scanner };

// How a request is written and its response read.
struct H1Call {
  RequestForm form = RequestForm::Origin;
  Framing framing;  // Length: the body must have exactly so many bytes. Chunked: until its end.
  Responder responder = Responder::Origin;
  const H1ClientLimits* limits = nullptr;  // outlives the exchange
  std::optional<std::uint16_t> port{};     // is written in place of the destination's
};

// The result. If `untouched`, the connection ended before a byte of the response arrived: a
// request that may be sent twice can be tried on another connection.
struct H1Answer {
  Result<Response> response;
  bool untouched = false;
};

// Sends one request on a connected lease and reads the response's head (RFC 9112). The final head
// is vetted (check_response) and comes as soon as it is there, maybe before the request has ended:
// the rest of the body is then sent by a child in exchange.tasks(). The response's body owns the
// lease and gives the connection back to the pool if both messages ended cleanly, the upstream
// keeps it, and no byte is left over; in every other case it is closed. Never half-closes.
//
// A request for a tunnel has nothing but its head until the origin's is there. If that opens the
// tunnel (101), both bodies are the tunnel's (h1_tunnel.h); else the answer is an ordinary one.
//
// Failures: UpstreamBroken (closed early, malformed, a 101 that was not asked for, too many 1xx),
// UpstreamTruncated (closed within the body), UpstreamTimeout (head, stall of either direction),
// Cancelled, and the request body's own, before which the connection was closed without a last
// chunk.
awaitable<H1Answer> h1_send(Lease lease, Request request, H1Call call, Exchange& exchange);

}  // namespace bottle
