// The body of a response on an HTTP/2 connection.
#include "proxy/contract/problem_codes.h"
#include "proxy/upstream/h2_client_parts.h"

namespace bottle {

H2Client::ResponseBody::ResponseBody(std::unique_ptr<Stream> stream, Exchange& exchange,
                                     bool tunnel)
    : stream_(std::move(stream)), wheel_(exchange.wheel()) {
  if (!tunnel) return;
  idle_.emplace(exchange, wheel_, stream_->client.limits_.tunnel_idle, stream_->readable);
}

awaitable<Result<Chunk>> H2Client::ResponseBody::read(std::size_t max) {
  if (!stream_) co_return Failure{Code::Cancelled, "the exchange was cancelled"};
  Stream& stream = *stream_;
  Deadline stall(wheel_, stream.readable);
  while (stream.inbox.empty() && !stream.ended && !stream.failure) {
    if (!idle_) stall.arm(stream.client.limits_.response_stall);
    const bool news = co_await stream.readable.wait();
    if (news) continue;
    if (idle_ && idle_->over()) {
      co_return Failure{Code::UpstreamTimeout,
                        "neither side said anything in the tunnel for too long",
                        problem_code::kResponseStalled};
    }
    if (stall.fired()) {
      co_return Failure{Code::UpstreamTimeout, "the origin's response stopped coming"};
    }
    co_return Failure{Code::Cancelled, "the exchange was cancelled"};
  }
  Chunk chunk;
  if (!stream.inbox.empty()) {
    chunk.data = stream.inbox.take(max);
    stream.memory.set(stream.inbox.size());
    stream.client.engine_.consumed(stream.id, chunk.data.size());
    stream.client.wire_.wake_if_wanted();
  } else if (stream.failure) {
    co_return *stream.failure;
  }
  if (stream.ended && stream.inbox.empty()) {
    if (stream.trailers) {
      const auto vetted = check_response_trailers(*stream.trailers, stream.client.limits_.heads);
      if (!vetted) co_return vetted.error();
      if (!stream.trailers->empty()) chunk.trailers = std::move(stream.trailers);
    }
    chunk.end = true;
    leave();  // the connection is free for another request at once
  }
  co_return chunk;
}

}  // namespace bottle
