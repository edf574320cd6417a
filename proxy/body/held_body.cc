#include "proxy/body/held_body.h"

#include <utility>

namespace bottle {

MemoryShare::~MemoryShare() {
  memory_.taken_ -= taken_;
  if (memory_.budget_ != nullptr) memory_.budget_->give_back(taken_);
}

bool MemoryShare::take(std::size_t bytes) noexcept {
  if (bytes > memory_.limit_ - memory_.taken_) return false;
  if (memory_.budget_ != nullptr && !memory_.budget_->take_if_left(bytes)) return false;
  memory_.taken_ += bytes;
  taken_ += bytes;
  return true;
}

bool HeldBody::append(ByteView data) {
  if (!share_.take(data.size())) return false;
  bytes_ += data;
  return true;
}

awaitable<Result<Chunk>> HeldBody::read(std::size_t max) {
  if (at_ == bytes_.size() && rest_) {
    auto chunk = co_await rest_->read(max);
    co_return chunk;
  }
  Chunk chunk;
  chunk.data = bytes_.substr(at_, max);
  at_ += chunk.data.size();
  chunk.end = at_ == bytes_.size() && !rest_;
  co_return chunk;
}

bool HeldBody::ready() const noexcept { return at_ < bytes_.size() || !rest_ || rest_->ready(); }

void HeldBody::stop(Failure why) noexcept {
  if (rest_) rest_->stop(std::move(why));
}

}  // namespace bottle
