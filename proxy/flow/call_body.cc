#include "proxy/flow/call_body.h"

namespace bottle {
namespace {

// A client sends a call in one go, or in a few pieces. One that sends it a byte at a time is
// answered without its id.
constexpr int kMaxReads = 8;
constexpr std::size_t kPiece = 16 * 1024;

}  // namespace

awaitable<void> Call::read_on() {
  for (int i = 0; i < kMaxReads && !in_use_ && !over_ && !reader_.done(); ++i) {
    auto chunk = co_await body_->read(kPiece);
    over_ = !chunk || chunk->end;
    if (chunk) reader_.feed(chunk->data);
  }
}

void Call::settle() noexcept {
  settled_ = true;
  if (left_ && !over_) body_->stop(std::move(*left_));
  left_.reset();
  let_go_unless_used();
}

awaitable<Result<Chunk>> CallBody::read(std::size_t max) {
  call_->begun_ = true;
  auto chunk = co_await call_->body_->read(max);
  if (!chunk || chunk->end) call_->over_ = true;
  if (chunk) call_->reader_.feed(chunk->data);
  co_return chunk;
}

void CallBody::stop(Failure why) noexcept {
  if (call_->over_) return;
  if (call_->settled_) {
    call_->body_->stop(std::move(why));
  } else {
    call_->left_ = std::move(why);
  }
}

}  // namespace bottle
