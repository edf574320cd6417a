#include "proxy/flow/guarded_body.h"

#include <algorithm>
#include <utility>

namespace bottle {

awaitable<Result<Chunk>> GuardedBody::read(std::size_t max) {
  while (at_ == held_.size() && !inner_ended_) {
    auto got = co_await inner_->read(max);
    if (!got) co_return got.error();
    inner_ended_ = got->end;
    auto released = scan_->feed(std::move(got->data), inner_ended_);
    if (!released) {
      if (!inner_ended_) inner_->stop(released.error());
      co_return released.error();
    }
    held_ = std::move(*released);
    at_ = 0;
  }
  Chunk chunk;
  const std::size_t n = std::min(max, held_.size() - at_);
  if (at_ == 0 && n == held_.size()) {
    chunk.data = std::move(held_);
    held_.clear();
  } else {
    chunk.data = held_.substr(at_, n);
    at_ += n;
  }
  chunk.end = inner_ended_ && at_ >= held_.size();
  co_return chunk;
}

}  // namespace bottle
