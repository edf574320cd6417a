#include "proxy/exit/exit_body.h"

#include <algorithm>
#include <utility>

#include "proxy/exit/exit_news.h"

namespace bottle {

awaitable<Result<Chunk>> HashedBody::read(std::size_t max) {
  auto chunk = co_await inner()->read(max);
  if (!chunk) co_return chunk;
  if (chunk->end) {
    digest_ = hash_.finish(chunk->data);
  } else {
    hash_.update(chunk->data);
  }
  co_return chunk;
}

awaitable<Result<Chunk>> ToldBody::read(std::size_t max) {
  if (kind_ == Kind::Events) {
    const bool go_on = co_await end_->wait();
    if (!go_on || end_->over()) {
      const Failure gone(Code::Cancelled, "the events are not wanted any more");
      stop(gone);
      co_return gone;
    }
    max = std::min({max, kSidePiece, end_->room()});
  }
  auto chunk = co_await inner()->read(max);
  if (!chunk) {
    tell_failure(chunk.error());
    co_return chunk.error();
  }
  count(chunk->data, chunk->end);
  if (said_) said_->feed(chunk->data);
  if (kind_ == Kind::Events && !chunk->data.empty()) {
    BodyNews piece;
    piece.data = chunk->data;
    end_->tell(std::move(piece));
  }
  if (chunk->end) {
    sums_.trailers = std::move(chunk->trailers);
    end_->tell(std::move(sums_));
  }
  // The scanner relays none.
  chunk->trailers.reset();
  co_return chunk;
}

void ToldBody::count(ByteView data, bool last) {
  sums_.bytes += data.size();
  if (kind_ == Kind::Events) return;
  if (last) {
    sums_.digest = hash_.finish(data);
  } else {
    hash_.update(data);
  }
}

void ToldBody::stop(Failure why) noexcept {
  try {
    tell_failure(why);
  } catch (const std::bad_alloc&) {
    // The front hears that the exit gave up, when `end_` goes.
  }
  BodyFilter::stop(std::move(why));
}

void ToldBody::tell_failure(const Failure& why) { end_->tell(news_of(why, exit_is_stopping_)); }

}  // namespace bottle
