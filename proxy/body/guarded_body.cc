#include "proxy/body/guarded_body.h"

#include <utility>

namespace bottle {

awaitable<Result<Chunk>> GuardedBody::read(std::size_t max) {
  while (held_.empty() && inner() != nullptr) {
    auto got = co_await inner()->read(max);
    if (!got) co_return got.error();
    if (got->end) end_inner();
    auto released = scan_->feed(std::move(got->data), got->end);
    if (!released) {
      stop(released.error());
      co_return released.error();
    }
    held_.push(std::move(*released));
  }
  Chunk chunk;
  chunk.data = held_.take(max);
  chunk.end = inner() == nullptr && held_.empty();
  co_return chunk;
}

}  // namespace bottle
