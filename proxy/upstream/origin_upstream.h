#pragma once

#include <memory>

#include "proxy/upstream/h1_client.h"
#include "proxy/upstream/h2_client.h"
#include "proxy/upstream/pool.h"
#include "proxy/upstream/upstream.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

// Straight to origins, streaming both ways; what the origin's ALPN chose decides between HTTP/1.1
// (a pooled connection a request) and HTTP/2 (shared connections), whatever the client speaks.
// Trailers of responses and 1xx heads are kept. The first request to an origin dials, others that
// come meanwhile wait for what it finds: a hundred streams to an h2 origin make one connection.
//
// A request is sent a second time only if its connection had been used before, nothing of a
// response came, it has no body and its method is safe to repeat (RFC 9110 section 9.2.2).
class OriginUpstream final : public Upstream {
 public:
  // The arguments outlive it.
  OriginUpstream(Executor executor, TimerWheel& wheel, Dialer& dialer, Pool& pool,
                 H1ClientLimits h1 = {}, H2ClientLimits h2 = {}, OriginLimits limits = {});
  ~OriginUpstream() override;
  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage& passage) override;

  // Closes the shared connections and waits until they are gone. The worker's last call, after all
  // exchanges have ended.
  awaitable<void> close();

 private:
  class Origins;

  std::unique_ptr<Origins> origins_;
};

}  // namespace bottle
