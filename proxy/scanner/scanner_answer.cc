#include "proxy/scanner/scanner_answer.h"

#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/http/framing_rules.h"
#include "proxy/ledger/rewrites.h"
#include "proxy/ledger/ticket.h"
#include "proxy/scanner/block_reason.h"

namespace bottle {
namespace {

// The client has a head: whatever hinders from here on cuts the body.
Failure cut(const std::string& what, std::string_view reason) {
  return Failure{Code::UpstreamTruncated, what, reason, "The scanner's log says why."};
}

}  // namespace

awaitable<Result<ShortBody>> read_short(std::unique_ptr<BodySource>& body) {
  ShortBody out;
  out.whole = body == nullptr;
  while (!out.whole && out.bytes.size() <= kPipelockBlockBody) {
    auto chunk = co_await body->read(kPipelockBlockBody + 1 - out.bytes.size());
    if (!chunk) co_return chunk.error();
    out.bytes += chunk->data;
    out.whole = chunk->end;
  }
  if (out.whole) body.reset();
  co_return out;
}

void mark_refused(ResponseHead& head, Failure why, Exchange& exchange) {
  strip_control_fields(head.fields);
  head.fields.add("X-Bottle-Deny", word(why));
  exchange.trace.failure = std::move(why);
  exchange.trace.by = DecidedBy::Pipelock;
}

void mark_refused(ResponseHead& head, PipelockVerdict verdict, Exchange& exchange,
                  Passage& passage) {
  passage.target_has_secret |= verdict.target_has_secret;
  passage.refused_by_scanner = true;
  if (verdict.retry_after.count() > 0) {
    head.fields.set("Retry-After", std::to_string(verdict.retry_after.count()));
  }
  mark_refused(head, std::move(verdict.failure), exchange);
}

Failure mixed_up(const char* what) {
  return Failure{Code::UpstreamBroken, what, problem_code::kScannerMixedUp,
                 "Try again; if it stays, restart the scanner."};
}

awaitable<Result<Chunk>> AwaitedEvents::read(std::size_t max) {
  if (!events_) {
    auto failed = co_await meet();
    if (failed) co_return std::move(*failed);
  }
  auto chunk = co_await events_->read(max);
  co_return chunk;
}

awaitable<std::optional<Failure>> AwaitedEvents::meet() {
  while (!pending_->answer && !stopped_) {
    const bool changed = co_await pending_->changed->wait();
    if (!changed) break;
  }
  if (stopped_ || !pending_->answer) {
    co_return Failure{Code::Cancelled, "the exchange was ended"};
  }
  Result<Relayed> relayed = std::move(*pending_->answer);
  if (!relayed) co_return relayed.error();
  Response answer = std::move(relayed->response);
  const Fields& fields = answer.head.fields;
  const std::size_t ids = fields.count(kExchangeField);
  if (ids == 0 || block_reason_of(fields)) {
    auto refused = co_await own_word(std::move(answer));
    co_return refused;
  }
  std::optional<Failure> failed;
  if (ids > 1 || fields.find(kExchangeField) != pending_->exchange.id()) {
    failed = mixed_up("the scanner gave the answer of another exchange");
  } else if (const auto different = response_difference(shown_, answer.head)) {
    failed = cut("the scanner changed the origin's answer: " + *different,
                 problem_code::kChangedByScanner);
  }
  if (failed) {
    if (answer.body) answer.body->stop(*failed);
    co_return failed;
  }
  events_ = std::move(answer.body);
  if (!events_) events_ = std::make_unique<BytesSource>(Bytes());
  co_return std::nullopt;
}

// An answer that did not go through the exit.
awaitable<Failure> AwaitedEvents::own_word(Response answer) {
  auto text = co_await read_short(answer.body);
  if (!text) co_return text.error();
  const PipelockVerdict verdict =
      pipelock_verdict(answer.head, text->bytes, false, BlockMark::PipelockAlone);
  std::string_view reason = problem_code::kScannerDenied;
  std::string why;
  pending_->passage.target_has_secret |= verdict.target_has_secret;
  if (verdict.kind != PipelockVerdict::Kind::Relayed) {
    reason = word(verdict.failure);
    why = ": " + verdict.failure.detail;
  }
  Failure refused = cut("the scanner refused an answer whose head had been sent" + why, reason);
  if (answer.body) answer.body->stop(refused);
  co_return refused;
}

void AwaitedEvents::stop(Failure why) noexcept {
  stopped_ = true;
  if (events_) {
    events_->stop(std::move(why));
    return;
  }
  pending_->cancel();
  pending_->changed->cancel();
}

}  // namespace bottle
