// How a session's requests' bodies are read, and how slowly they may come.
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
    // Once the answer has begun it is a conversation: the answer's own deadlines end it.
    const bool judged = !conversation_ && !stream_.answered;
    const auto stalls = stream_.session.context_.limits.body_stall;
    stall.arm(judged ? rate_.left() : stalls);
    const auto begun = exchange_.wheel().now();
    const bool news = co_await stream_.readable.wait();
    if (judged) rate_.waited(exchange_.wheel().now() - begun);
    if (news) continue;
    if (stream_.body_failure) break;
    // A deadline that fired once stays so: without this a cancelled task would go round here.
    const bool ended = co_await task_cancelled();
    if (ended || !stall.fired()) co_return task_was_cancelled();
    if (stream_.answered) continue;
    const bool slow = judged && rate_.too_slow();
    co_return Failure{Code::ClientSlow, slow ? "the request's body comes too slowly"
                                             : "the request's body stopped coming"};
  }
  if (stream_.body_failure) co_return *stream_.body_failure;
  Chunk chunk = stream_.take(max);
  rate_.moved(chunk.data.size());
  exchange_.trace.bytes_in += chunk.data.size();
  co_return chunk;
}

}  // namespace bottle
