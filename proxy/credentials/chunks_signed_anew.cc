#include "proxy/credentials/chunks_signed_anew.h"

#include <utility>

namespace bottle {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

}  // namespace

ChunksSignedAnew::ChunksSignedAnew(std::unique_ptr<BodySource> inner,
                                   std::unique_ptr<AwsChunkSigner> signer, DecodeSpace& space)
    : BodyFilter(std::move(inner)), signer_(std::move(signer)), space_(space) {}

ChunksSignedAnew::~ChunksSignedAnew() { space_.give_back(taken_); }

Result<> ChunksSignedAnew::account() {
  if (signer_->chunk_too_long()) {
    return Failure{Code::BodyTooLarge,
                   "a chunk of a body whose signatures are made anew has more than 1 MiB"};
  }
  space_.give_back(std::exchange(taken_, 0));
  if (!space_.take(signer_->held())) {
    return Failure{Code::Overloaded, "too many bodies of requests that are signed anew"};
  }
  taken_ = signer_->held();
  return {};
}

awaitable<Result<Chunk>> ChunksSignedAnew::read(std::size_t max) {
  while (out_.empty() && inner() != nullptr) {
    auto chunk = co_await inner()->read(kPiece);
    if (!chunk) co_return chunk.error();
    out_.push(signer_->feed(chunk->data));
    const auto room = account();
    if (!room) {
      inner()->stop(room.error());
      co_return room.error();
    }
    if (!chunk->end) continue;
    out_.push(signer_->finish());
    trailers_ = std::move(chunk->trailers);
    end_inner();
  }
  Chunk out;
  out.data = out_.take(max);
  out.end = inner() == nullptr && out_.empty();
  if (out.end) out.trailers = std::move(trailers_);
  co_return out;
}

}  // namespace bottle
