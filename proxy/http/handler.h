#pragma once

#include <string>

#include "proxy/base/awaitable.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"

namespace bottle {

// Answers the requests of sessions (ProxyHandler in the proxy, a script in tests). Outlives them.
class Handler {
 public:
  virtual ~Handler() = default;

  // The id of the next exchange: unique in the process, printable.
  virtual std::string next_id() = 0;
  // Answers a vetted request. Never fails: what went wrong comes as an answer a client can read.
  // A response without status (0) means that the client is gone: just end it.
  virtual awaitable<Response> handle(Request request, Exchange& exchange) = 0;
  // The answer for a request that was refused before it became one (bad head, wrong host). Notes
  // the failure in the exchange's trace. Status 0 as above.
  virtual Response refuse(const Failure& failure, Exchange& exchange) = 0;
  // The exchange is over; its trace is complete. Exactly once for every exchange.
  virtual void finished(const Exchange& exchange) noexcept = 0;
};

}  // namespace bottle
