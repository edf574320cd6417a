#include "proxy/flow/message_redaction.h"

#include <algorithm>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/flow/guard_records.h"

namespace bottle {
MessageRedaction::MessageRedaction(SecretMessages& look, const RedactLimits& limits,
                                   BodyMemory& memory, Passage& passage)
    : look_(look), limits_(limits), memory_(memory), passage_(passage) {}

void MessageRedaction::take(ByteView piece, bool ends) {
  if (!share_) share_ = std::make_unique<MemoryShare>(memory_);
  const bool too_large =
      piece.size() > limits_.body_bytes - std::min(limits_.body_bytes, text_.size());
  if (too_large || !share_->take(piece.size())) {
    state_ = State::TooLarge;
    text_ += piece;  // one piece more than was taken
    return;
  }
  text_ += piece;
  if (!ends) return;
  state_ = State::Works;
  work_ = Work::Scan;
  at_ = 0;
}

Result<> MessageRedaction::step() {
  if (work_ == Work::Redact) return redact();
  auto scanned = scan();
  if (scanned) return scanned;
  const bool hit = scanned.error().code == Code::Denied;
  if (!hit || work_ == Work::Check) return scanned;
  // The redactor has the text, the changed text, and a value of it before and after.
  constexpr std::size_t kCopies = 3;
  if (!share_->take(kCopies * text_.size())) {
    return Failure{Code::Overloaded, "there is no memory to redact a message",
                   problem_code::kRedactMemoryFull};
  }
  const RedactKind kind = begins_as_json(text_) ? RedactKind::Json : RedactKind::Plain;
  redactor_ = std::make_unique<Redactor>(look_.place(), kind, text_);
  work_ = Work::Redact;
  return {};
}

// The next piece of the message.
Result<> MessageRedaction::scan() {
  const ByteView piece = ByteView(text_).substr(at_, kPiece);
  const bool begins = at_ == 0;
  at_ += piece.size();
  const bool ends = at_ == text_.size();
  auto looked = look_.feed({.bytes = piece, .is_text = true, .begins = begins, .ends = ends});
  if (!looked) return looked.error();
  if (!ends) return {};
  state_ = State::Clean;
  at_ = 0;
  return {};
}

Result<> MessageRedaction::redact() {
  const auto done = redactor_->step();
  if (!done) return done.error();
  if (!*done) return {};
  text_ = redactor_->take_text();
  for (const Finding& finding : redactor_->findings()) {
    passage_.findings.add(record_of(finding, FindingAction::Redacted));
  }
  if (!redactor_->findings().empty()) passage_.request_body_changed = true;
  redactor_.reset();
  look_.take_back();
  work_ = Work::Check;
  at_ = 0;
  return {};
}

Bytes MessageRedaction::give(std::size_t most, bool& last) {
  Bytes piece = text_.substr(at_, most);
  at_ += piece.size();
  last = at_ == text_.size();
  if (last) free();
  return piece;
}

void MessageRedaction::free() {
  free_bytes(text_);
  at_ = 0;
  share_.reset();
  if (state_ == State::Clean) state_ = State::Collects;
}

}  // namespace bottle
