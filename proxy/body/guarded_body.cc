#include "proxy/body/guarded_body.h"

#include <utility>

namespace bottle {

awaitable<Result<Chunk>> GuardedBody::read(std::size_t max) {
  while (held_.empty() && !inner_ended_) {
    auto got = co_await inner_->read(max);
    if (!got) co_return got.error();
    inner_ended_ = got->end;
    auto released = scan_->feed(std::move(got->data), inner_ended_);
    if (!released) {
      if (!inner_ended_) inner_->stop(released.error());
      co_return released.error();
    }
    held_.push(std::move(*released));
  }
  Chunk chunk;
  chunk.data = held_.take(max);
  chunk.end = inner_ended_ && held_.empty();
  co_return chunk;
}

}  // namespace bottle
