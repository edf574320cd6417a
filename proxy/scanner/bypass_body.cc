#include "proxy/scanner/bypass_body.h"

#include <utility>
#include <variant>

#include "proxy/contract/problem_codes.h"

namespace bottle {

void BypassBody::take_news() {
  while (queue_.size() < kSidePiece && !ended_ && !failure_) {
    auto news = front_->next();
    if (!news) return;
    if (auto* body = std::get_if<BodyNews>(&*news)) {
      received_ += body->data.size();
      queue_.push(std::move(body->data));
    } else if (auto* end = std::get_if<EndNews>(&*news)) {
      if (end->bytes != received_) {
        failure_ = FailureNews{
            Failure(Code::UpstreamTruncated, "the exit did not pass on all that the origin sent",
                    problem_code::kExitLostBytes),
            DecidedBy::Exit};
        return;
      }
      ended_ = true;
      trailers_ = std::move(end->trailers);
    } else if (auto* failed = std::get_if<FailureNews>(&*news)) {
      failure_ = std::move(*failed);
    }
  }
}

awaitable<Result<Chunk>> BypassBody::read(std::size_t max) {
  Deadline stall(wheel_, *front_, stall_);
  for (;;) {
    take_news();
    if (!queue_.empty() || ended_) break;
    if (failure_) {
      passage_.cut_by = failure_->by;
      co_return failure_->failure;
    }
    if (stall.fired()) {
      passage_.cut_by = DecidedBy::Exit;
      co_return Failure{Code::UpstreamTimeout, "the response stalled",
                        problem_code::kResponseStalled};
    }
    const bool told = co_await front_->wait();
    if (stopped_ || (!told && !stall.fired())) {
      co_return Failure{Code::Cancelled, "the exchange was ended"};
    }
  }
  Chunk chunk;
  chunk.data = queue_.take(max);
  front_->credit(chunk.data.size());
  chunk.end = ended_ && queue_.empty();
  if (chunk.end) chunk.trailers = std::move(trailers_);
  co_return chunk;
}

}  // namespace bottle
