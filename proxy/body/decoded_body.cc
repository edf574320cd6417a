#include "proxy/body/decoded_body.h"

#include <algorithm>
#include <utility>

namespace bottle {
namespace {

constexpr std::size_t kPiece = 64 * 1024;  // limits are looked at once a piece

// The decoder speaks of requests' bodies. A lack of memory is ours.
Failure as_origins(const Failure& failure) {
  if (failure.code == Code::Overloaded) return failure;
  return Failure{Code::UpstreamBroken, "the origin's content coding: " + failure.detail,
                 failure.reason};
}

}  // namespace

DecodedBody::DecodedBody(std::unique_ptr<BodySource> coded, Codings codings, DecodeLimits limits,
                         DecodeSpace& space)
    : BodyFilter(std::move(coded)), decoder_(ContentDecoder::make(codings, limits, space)) {}

Result<Bytes> DecodedBody::decode(std::size_t max) {
  Bytes out(std::min(max, kPiece), '\0');
  auto progress = decoder_->decode(ByteView(input_).substr(at_), ByteSpan(out));
  if (!progress) return as_origins(progress.error());
  if (progress->consumed + progress->produced == 0 && at_ < input_.size()) {
    return Failure{Code::UpstreamBroken, "the origin's content coding leads nowhere"};
  }
  at_ += progress->consumed;
  may_have_more_ = progress->produced == out.size();
  out.resize(progress->produced);
  return out;
}

awaitable<Result<Chunk>> DecodedBody::read(std::size_t max) {
  for (;;) {
    if (may_have_more_ || at_ < input_.size()) {
      auto out = decode(max);
      if (!out) {
        stop(out.error());
        co_return out.error();
      }
      if (out->empty()) continue;
      Chunk chunk;
      chunk.data = std::move(*out);
      co_return chunk;
    }
    if (inner() == nullptr) {
      const Result<> whole = empty_ ? Result<>() : decoder_->finish();
      if (!whole) co_return as_origins(whole.error());
      Chunk chunk;
      chunk.end = true;
      chunk.trailers = std::move(trailers_);
      co_return chunk;
    }
    auto got = co_await inner()->read(kPiece);
    if (!got) co_return got.error();
    input_ = std::move(got->data);
    at_ = 0;
    empty_ = empty_ && input_.empty();
    if (got->end) end_inner();
    trailers_ = std::move(got->trailers);
  }
}

}  // namespace bottle
