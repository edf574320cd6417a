#include "proxy/flow/body_redaction.h"

#include <algorithm>
#include <utility>

#include "proxy/base/turn_budget.h"
#include "proxy/body/guarded_body.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/flow/guard_records.h"

namespace bottle {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

bool is_hit(const Failure& failure) { return failure.code == Code::Denied; }

Failure memory_full() {
  return Failure{Code::Overloaded, "there is no memory to redact the request's body",
                 problem_code::kRedactMemoryFull};
}

}  // namespace

std::optional<RedactPlan> redact_plan(const RequestHead& head, const Codings& codings,
                                      const RedactLimits& limits) {
  if (codings.is_framed() || is_sealed(head.fields)) return std::nullopt;
  if (head.content_length && *head.content_length > limits.body_bytes) return std::nullopt;
  const auto kind = redact_kind(head.fields);
  if (!kind) return std::nullopt;
  return RedactPlan{.kind = *kind, .codings = codings};
}

BodyRedaction::BodyRedaction(const Services& services, const RedactPlan& plan,
                             std::string_view host, Scheme scheme)
    : services_(services),
      plan_(plan),
      place_{.secrets = services.secrets,
             .space = services.scan,
             .host = std::string(host),
             .scheme = scheme},
      scanner_place_{
          .secrets = services.for_scanner != nullptr ? *services.for_scanner : services.secrets,
          .space = services.for_scanner != nullptr ? *services.scanner_scan : services.scan,
          .host = std::string(host),
          .scheme = scheme},
      held_(std::make_unique<HeldBody>(services.memory)) {}

std::unique_ptr<BodyScan> BodyRedaction::make_scan(const Codings& codings,
                                                   const ScanPlace& place) const {
  return std::make_unique<BodyScan>(place.secrets, place.space, services_.decode, place.host,
                                    place.scheme, codings, services_.decode_limits);
}

awaitable<Result<>> BodyRedaction::run(Request& request, Passage& passage) {
  auto done = co_await go(request, passage);
  if (!done && is_hit(done.error()) && refused_) {
    passage.findings.add(record_of(*refused_, FindingAction::Refused));
  }
  co_return done;
}

awaitable<Result<>> BodyRedaction::go(Request& request, Passage& passage) {
  auto whole = co_await collect(*request.body, passage);
  if (!whole) {
    if (ended_) request.body.reset();
    co_return whole.error();
  }
  passage.scanned_request_body = true;
  if (!*whole) {
    if (!ended_) held_->set_rest(std::move(request.body));
    auto scan = make_scan(plan_.codings, place_);
    scan->set_report(reporter(passage));
    request.body = std::make_unique<GuardedBody>(std::move(held_), std::move(scan));
    co_return Result<>();
  }
  request.body.reset();
  if (hit_) {
    auto redacted = co_await redact(request, passage);
    if (!redacted) co_return redacted.error();
  }
  request.body = std::move(held_);
  co_return Result<>();
}

awaitable<Result<bool>> BodyRedaction::collect(BodySource& body, Passage& passage) {
  const auto scan = make_scan(plan_.codings, scanner_place_);
  scan->set_report([this, &passage](const Finding& finding) {
    if (finding.severity == Severity::Refuse) {
      refused_ = finding;
    } else {
      passage.findings.add(record_of(finding, FindingAction::Noted));
    }
  });
  TurnBudget turn;
  const auto until = std::chrono::steady_clock::now() + services_.limits.body_time;
  while (!ended_) {
    if (turn.spent()) co_await turn.give_way();
    auto chunk = co_await body.read(kPiece);
    if (!chunk) {
      ended_ = true;
      co_return chunk.error();
    }
    ended_ = chunk->end;
    turn.spend_bytes(chunk->data.size());
    const bool too_large = chunk->data.size() > services_.limits.body_bytes - held_->bytes().size();
    const bool too_slow = !ended_ && std::chrono::steady_clock::now() >= until;
    if (too_large || too_slow || !held_->append(chunk->data)) {
      if (hit_) co_return *hit_;
      held_->bytes() += chunk->data;  // one piece more than was taken
      co_return false;
    }
    if (hit_) continue;
    auto scanned = scan->feed(std::move(chunk->data), ended_);
    if (scanned) continue;
    if (!is_hit(scanned.error())) co_return scanned.error();
    hit_ = scanned.error();
  }
  co_return true;
}

awaitable<Result<>> BodyRedaction::redact(Request& request, Passage& passage) {
  if (!plan_.codings.empty()) {
    auto decoded = co_await decode();
    if (!decoded) co_return decoded.error();
  }
  // The redactor has the text, the changed text, and a value of it before and after; for the
  // scanner there is the text once more.
  const std::size_t copies = services_.for_scanner != nullptr ? 4 : 3;
  MemoryShare working(services_.memory);
  if (!working.take(copies * held_->bytes().size())) co_return memory_full();
  auto redacted = co_await redact_for(place_, passage, std::move(held_->bytes()));
  if (!redacted) co_return redacted.error();
  if (services_.for_scanner != nullptr) {
    // The scanner refuses the rest.
    auto tried = co_await redact_for(scanner_place_, passage, Bytes(held_->bytes()));
    if (!tried && !is_hit(tried.error())) co_return tried.error();
    refused_.reset();
  }
  auto clean = co_await check(held_->bytes());
  if (!clean) co_return clean.error();
  request.head.fields.remove("content-encoding");
  request.head.content_length = held_->bytes().size();
  co_return Result<>();
}

// The held body becomes `text`, redacted; on failure it stays.
awaitable<Result<>> BodyRedaction::redact_for(const ScanPlace& place, Passage& passage,
                                              Bytes text) {
  Redactor redactor(place, plan_.kind, std::move(text));
  TurnBudget turn;
  for (;;) {
    auto done = redactor.step();
    if (!done) co_return done.error();
    if (*done) break;
    co_await turn.give_way();
  }
  held_->bytes() = redactor.take_text();
  if (!redactor.findings().empty()) passage.request_body_changed = true;
  for (const Finding& finding : redactor.findings()) {
    passage.findings.add(record_of(finding, FindingAction::Redacted));
  }
  co_return Result<>();
}

// Takes the codings off the held body.
awaitable<Result<>> BodyRedaction::decode() {
  auto decoder = ContentDecoder::make(plan_.codings, services_.decode_limits, services_.decode);
  auto decoded = std::make_unique<HeldBody>(services_.memory);
  const ByteView coded = held_->bytes();
  std::size_t at = 0;
  bool full = false;
  TurnBudget turn;
  while (at < coded.size() || full) {
    const ByteSpan room = services_.decode.room();
    const auto progress = decoder->decode(coded.substr(at, kPiece), room);
    if (!progress) co_return progress.error();
    at += progress->consumed;
    full = progress->produced == room.size();
    if (decoded->bytes().size() + progress->produced > services_.limits.body_bytes) {
      co_return hit_.value_or(memory_full());
    }
    if (!decoded->append(ByteView(room.data(), progress->produced))) co_return memory_full();
    turn.spend_bytes(progress->consumed + progress->produced);
    if (turn.spent()) co_await turn.give_way();
  }
  auto finished = decoder->finish();
  if (!finished) co_return finished.error();
  held_ = std::move(decoded);
  co_return Result<>();
}

// Scans the new body as every body is scanned, before any of it goes out.
awaitable<Result<>> BodyRedaction::check(ByteView text) {
  const auto scan = make_scan(Codings(), place_);
  TurnBudget turn;
  do {
    const ByteView piece = text.substr(0, kPiece);
    text.remove_prefix(piece.size());
    auto scanned = scan->feed(Bytes(piece), text.empty());
    if (!scanned) co_return scanned.error();
    turn.spend_bytes(piece.size());
    if (turn.spent()) co_await turn.give_way();
  } while (!text.empty());
  co_return Result<>();
}

}  // namespace bottle
