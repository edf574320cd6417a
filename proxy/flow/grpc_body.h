#pragma once

#include <memory>
#include <string>

#include "proxy/body/body_filter.h"
#include "proxy/http/exchange.h"

namespace bottle {

// The body of an answer to a gRPC call. Where it breaks off for a reason that has an answer (a
// secret in what the client streams, an origin that died), it ends with trailers in which the
// reason is a gRPC status: that is how a call says that it failed, and no client takes it for a
// whole answer. The reason stands in the exchange's trace. `exchange` outlives it.
class GrpcBody final : public BodyFilter {
 public:
  GrpcBody(std::unique_ptr<BodySource> inner, Exchange& exchange)
      : BodyFilter(std::move(inner)), exchange_(exchange) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;

 private:
  Exchange& exchange_;
};

}  // namespace bottle
