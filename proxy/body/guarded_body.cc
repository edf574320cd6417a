#include "proxy/body/guarded_body.h"

#include <algorithm>
#include <utility>

namespace bottle {

awaitable<Result<Chunk>> GuardedBody::read(std::size_t max) {
  while (held_.size() <= kept_ && inner() != nullptr) {
    auto got = co_await inner()->read(max);
    if (!got) co_return got.error();
    auto taken = take(std::move(*got));
    if (!taken) {
      stop(taken.error());
      co_return taken.error();
    }
  }
  Chunk chunk;
  chunk.data = held_.take(std::min(max, held_.size() - kept_));
  chunk.end = inner() == nullptr && held_.empty();
  if (chunk.end) chunk.trailers = std::exchange(trailers_, std::nullopt);
  co_return chunk;
}

Result<> GuardedBody::take(Chunk piece) {
  if (piece.end) end_inner();
  auto scanned = scan_->feed(std::move(piece.data), piece.end);
  if (!scanned) return scanned.error();
  if (piece.end && piece.trailers) {
    auto looked = scan_->look_at(*piece.trailers);
    if (!looked) return looked.error();
    trailers_ = std::move(piece.trailers);
  }
  held_.push(std::move(*scanned));
  kept_ = 0;
  if (piece.end) return {};
  if (length_ == Length::Declared || inner()->ready()) {
    kept_ = std::min(kHeldBack, held_.size());
    return {};
  }
  return scan_->pause();
}

}  // namespace bottle
