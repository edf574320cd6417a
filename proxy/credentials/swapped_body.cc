#include "proxy/credentials/swapped_body.h"

#include <utility>

namespace bottle {

SwappedBody::SwappedBody(std::unique_ptr<BodySource> inner,
                         std::shared_ptr<const CredentialUse> use, Way way)
    : BodyFilter(std::move(inner)),
      use_(std::move(use)),
      way_(way),
      swaps_(way == Way::Out ? use_->for_body() : use_->for_answer()) {}

awaitable<Result<Chunk>> SwappedBody::read(std::size_t max) {
  while (out_.empty() && inner() != nullptr) {
    auto chunk = co_await inner()->read(max);
    if (!chunk) co_return chunk.error();
    out_.push(swaps_.feed(std::move(chunk->data)));
    if (!chunk->end) continue;
    out_.push(swaps_.finish());
    trailers_ = std::move(chunk->trailers);
    if (trailers_ && way_ == Way::Back) use_->take_out_of(*trailers_);
    end_inner();
  }
  Chunk out;
  out.data = out_.take(max);
  out.end = inner() == nullptr && out_.empty();
  if (out.end) out.trailers = std::move(trailers_);
  co_return out;
}

}  // namespace bottle
