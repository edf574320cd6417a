#include "proxy/credentials/swapped_body.h"

#include <algorithm>
#include <utility>

namespace bottle {

std::size_t GrpcMessages::behind_last(ByteView piece) {
  constexpr std::size_t kHead = 5;
  std::size_t last = ByteView::npos;
  for (std::size_t at = 0; at < piece.size() && !lost_;) {
    if (left_ > 0) {
      const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size() - at));
      left_ -= some;
      at += some;
      if (left_ == 0) last = at;
      continue;
    }
    const auto byte = static_cast<unsigned char>(piece[at++]);
    if (head_ == 0) {
      lost_ = byte > 1;
      length_ = 0;
    } else {
      length_ = length_ << 8 | byte;
    }
    if (++head_ < kHead) continue;
    head_ = 0;
    left_ = length_;
    if (left_ == 0) last = at;
  }
  return lost_ || last == ByteView::npos ? ByteView::npos : piece.size() - last;
}

SwappedBody::SwappedBody(std::unique_ptr<BodySource> inner,
                         std::shared_ptr<const CredentialUse> use, Way way)
    : BodyFilter(std::move(inner)),
      use_(std::move(use)),
      way_(way),
      swaps_(way == Way::Out ? use_->for_body() : use_->for_answer(),
             way == Way::Out ? TextSwaps::Hold::Least : TextSwaps::Hold::Fixed) {}

awaitable<Result<Chunk>> SwappedBody::read(std::size_t max) {
  while (out_.empty() && inner() != nullptr) {
    auto chunk = co_await inner()->read(max);
    if (!chunk) co_return chunk.error();
    const std::size_t parted =
        way_ == Way::BackGrpc ? messages_.behind_last(chunk->data) : ByteView::npos;
    out_.push(swaps_.feed(chunk->data, parted));
    if (!chunk->end) continue;
    out_.push(swaps_.finish());
    trailers_ = std::move(chunk->trailers);
    if (trailers_ && way_ != Way::Out) use_->take_out_of(*trailers_);
    end_inner();
  }
  Chunk out;
  out.data = out_.take(max);
  out.end = inner() == nullptr && out_.empty();
  if (out.end) out.trailers = std::move(trailers_);
  co_return out;
}

}  // namespace bottle
