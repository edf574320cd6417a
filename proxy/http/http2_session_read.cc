// How a session's requests' bodies are read.
#include <utility>

#include "proxy/http/http2_stream.h"

namespace bottle {
namespace {

Failure task_was_cancelled() { return Failure{Code::Cancelled, "the exchange was cancelled"}; }

}  // namespace

awaitable<Result<Chunk>> Http2Session::RequestBody::read(std::size_t max) {
  if (std::exchange(wants_continue_, false) && stream_.inbox.empty() && !stream_.body_ended) {
    ResponseHead go_on;
    go_on.status = 100;
    stream_.interim(go_on);
  }
  Deadline stall(exchange_.wheel(), stream_.readable);
  while (stream_.inbox.empty() && !stream_.body_ended && !stream_.body_failure) {
    stall.arm(stream_.session.context_.limits.body_stall);
    const bool news = co_await stream_.readable.wait();
    if (news) continue;
    if (stream_.body_failure) break;
    if (stall.fired()) {
      // A conversation: the client may well wait for what it is told. The answer's own
      // deadlines end it.
      if (stream_.answered) continue;
      co_return Failure{Code::ClientSlow, "the request's body stopped coming"};
    }
    co_return task_was_cancelled();
  }
  if (stream_.body_failure) co_return *stream_.body_failure;
  Chunk chunk = stream_.take(max);
  exchange_.trace.bytes_in += chunk.data.size();
  co_return chunk;
}

}  // namespace bottle
