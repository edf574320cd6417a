#include "proxy/flow/inspected_body.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "proxy/flow/guard_records.h"

namespace bottle {
namespace {

constexpr std::string_view kInspected = "the answer";

}  // namespace

InspectedBody::InspectedBody(std::unique_ptr<BodySource> inner,
                             std::unique_ptr<AnswerInspection> inspection, AnswerRule rule,
                             bool events, Passage& passage)
    : BodyFilter(std::move(inner)),
      inspection_(std::move(inspection)),
      blocks_(rule == AnswerRule::Block),
      events_(events),
      scanned_before_(passage.scanned_response_body),
      passage_(passage) {
  passage_.scanned_response_body = true;
}

Result<> InspectedBody::look(const Chunk& chunk) {
  if (!inspection_) return {};
  const auto looked = inspection_->feed(chunk.data, chunk.end);
  auto reported = report();
  if (!reported) return reported;
  if (looked) return {};
  if (blocks_) {
    Failure failure = blocked_answer("a content coding that it cannot undo", kInspected);
    passage_.cut_by = DecidedBy::Guard;
    return failure;
  }
  inspection_.reset();
  passage_.scanned_response_body = scanned_before_;
  passage_.findings.add(unread_answer());
  return {};
}

Result<> InspectedBody::report() {
  return report_answer(inspection_->take_findings(), blocks_, kInspected, passage_);
}

std::size_t InspectedBody::held_back() const {
  if (!blocks_ || inner() == nullptr || !inspection_) return 0;
  const std::size_t unseen = inspection_->unseen();
  return events_ && !inner()->ready() ? unseen : std::max(unseen, kHeldBack);
}

awaitable<Result<>> InspectedBody::look_at_beginning(std::size_t most) {
  while (inner() != nullptr && held_.size() < most && inner()->ready()) {
    auto chunk = co_await inner()->read(most);
    // The reader gets it in its turn: what came before it is an answer, too.
    if (!chunk) co_return chunk.error();
    const auto looked = look(*chunk);
    if (!looked) {
      stop(looked.error());
      co_return looked;
    }
    held_.push(std::move(chunk->data));
    trailers_ = std::move(chunk->trailers);
    if (chunk->end) end_inner();
  }
  co_return Result<>();
}

awaitable<Result<Chunk>> InspectedBody::read(std::size_t max) {
  while (inner() != nullptr && held_.size() <= held_back()) {
    auto chunk = co_await inner()->read(max);
    if (!chunk) co_return chunk.error();
    const auto looked = look(*chunk);
    if (!looked) {
      stop(looked.error());
      co_return looked.error();
    }
    held_.push(std::move(chunk->data));
    trailers_ = std::move(chunk->trailers);
    if (chunk->end) end_inner();
  }
  Chunk out;
  const std::size_t may_go = held_.size() - std::min(held_.size(), held_back());
  out.data = held_.take(std::min(max, may_go));
  out.end = inner() == nullptr && held_.empty();
  if (out.end) out.trailers = std::move(trailers_);
  co_return out;
}

}  // namespace bottle
