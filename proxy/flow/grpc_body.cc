#include "proxy/flow/grpc_body.h"

#include <utility>

#include "proxy/http/grpc.h"

namespace bottle {

awaitable<Result<Chunk>> GrpcBody::read(std::size_t max) {
  auto chunk = co_await inner()->read(max);
  if (chunk) co_return chunk;
  const Failure why = chunk.error();
  // There is no client to tell.
  if (traits(why.code).status == 0) co_return why;
  if (!exchange_.trace.failure) exchange_.trace.failure = why;
  Chunk last;
  last.end = true;
  last.trailers = grpc_failure_trailers(why, exchange_.id(), exchange_.destination().host);
  co_return last;
}

}  // namespace bottle
