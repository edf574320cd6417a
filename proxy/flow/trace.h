#pragma once

#include <memory>
#include <optional>

#include "proxy/contract/route.h"
#include "proxy/flow/call_body.h"
#include "proxy/http/exchange.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// The facts of an exchange that ProxyHandler and its upstream know. With those that the session
// knows (SessionTrace) they become the audit line.
struct Trace final : ExchangeNotes {
  std::optional<Route> route;  // none before the policy has decided
  bool learned = false;        // the allowlist does not have the host
  bool relayed = false;        // it goes to the origin past the scanner
  bool host_has_secret = false;
  bool target_has_secret = false;
  std::shared_ptr<Call> call;  // if it may be a JSON-RPC call with a body
  Passage passage;
};

// The exchange's trace; the first call makes it. Only for exchanges whose handler is ProxyHandler.
[[nodiscard]] Trace& trace_of(Exchange& exchange);
// An empty one if there is none yet.
[[nodiscard]] const Trace& trace_of(const Exchange& exchange) noexcept;

}  // namespace bottle
