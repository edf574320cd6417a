#include "proxy/scanner/compared_body.h"

#include <utility>

#include "proxy/body/spool.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/scanner/exit_reports.h"

namespace bottle {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

Failure shortened(bool at_cap) {
  return at_cap
             ? Failure{Code::UpstreamTruncated, "the scanner cuts responses at this size",
                       problem_code::kScannerSizeCut,
                       "Fetch it in parts, or raise the scanner's max_response_mb."}
             : Failure{Code::UpstreamTruncated, "the scanner passed on less than the origin sent",
                       problem_code::kScannerCut, "The scanner's log says why."};
}

}  // namespace

awaitable<Result<bool>> ComparedBody::fill(std::size_t max) {
  auto chunk = co_await inner()->read(max);
  if (!chunk) {
    end_inner();
    passage_.cut_by = DecidedBy::Pipelock;
    co_return chunk.error();
  }
  if (chunk->end) {
    digest_ = hash_.finish(chunk->data);
  } else {
    hash_.update(chunk->data);
  }
  received_ += chunk->data.size();
  queue_.push(std::move(chunk->data));
  memory_.set(queue_.size());
  if (chunk->end) end_inner();
  co_return chunk->end;
}

awaitable<Result<ComparedBody::Collected>> ComparedBody::compare() {
  auto end = co_await end_of_answer(*front_, wheel_, passage_, end_, &whole_);
  if (!end) co_return end.error();
  front_.reset();
  if (end->bytes == received_ && end->digest == digest_) {
    compared_ = true;
    if (whole_) whole_->passing.remember();
    trailers_ = std::move(end->trailers);
    co_return Collected::Same;
  }
  passage_.cut_by = DecidedBy::Pipelock;
  if (received_ < end->bytes) co_return shortened(received_ == cap_);
  co_return Collected::Changed;
}

awaitable<Result<ComparedBody::Collected>> ComparedBody::collect(std::size_t most) {
  while (queue_.size() <= most) {
    auto ended = co_await fill(kPiece);
    if (!ended) co_return ended.error();
    if (!*ended) continue;
    auto compared = co_await compare();
    co_return compared;
  }
  co_return Collected::Larger;
}

std::unique_ptr<BodySource> ComparedBody::whole() {
  if (!whole_ || !whole_->whole) return nullptr;
  return std::make_unique<SpoolReader>(std::move(whole_->whole), std::move(whole_->trailers));
}

Bytes ComparedBody::rest() {
  Bytes out;
  out.reserve(queue_.size());
  while (!queue_.empty()) out += queue_.take(kPiece);
  return out;
}

awaitable<Result<Chunk>> ComparedBody::read(std::size_t max) {
  // So much stays behind that the end is never out before it is known to be one.
  while (!compared_ && queue_.size() <= max) {
    auto ended = co_await fill(max);
    if (!ended) co_return ended.error();
    if (!*ended) continue;
    auto compared = co_await compare();
    if (!compared) co_return compared.error();
    // A form of a body is never so large that it is read like this.
    if (*compared == Collected::Changed || (whole_ && whole_->whole)) {
      co_return Failure{Code::UpstreamBroken, "the scanner changed the body on its way",
                        problem_code::kChangedByScanner};
    }
  }
  Chunk chunk;
  chunk.data = queue_.take(max);
  memory_.set(queue_.size());
  chunk.end = compared_ && queue_.empty();
  if (chunk.end) chunk.trailers = std::move(trailers_);
  co_return chunk;
}

}  // namespace bottle
