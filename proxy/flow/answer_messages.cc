#include "proxy/flow/answer_messages.h"

#include <utility>
#include <vector>

#include "proxy/contract/problem_codes.h"
#include "proxy/flow/guard_records.h"
#include "proxy/guard/answers/text_kind.h"

namespace bottle {

AnswerMessages::AnswerMessages(const AnswerInspection::Services& services, DecodeLimits limits,
                               AnswerRule rule, Passage& passage)
    : services_(services), limits_(limits), blocks_(rule == AnswerRule::Block), passage_(passage) {}

Result<std::size_t> AnswerMessages::feed(const MessagePiece& piece) {
  passage_.scanned_response_body = true;
  open_ = !piece.ends;
  Result<> looked;
  if (piece.is_text) {
    write_event(piece);
    looked = look(inspection(true), event_);
  } else {
    looked = look(inspection(false), piece.bytes);
    if (looked && piece.ends) looked = look(inspection(false), "\n");
  }
  if (!looked) return looked.error();
  return pause();
}

// A line end within JSON is white space; in another text it is one of the text's.
void AnswerMessages::write_event(const MessagePiece& piece) {
  constexpr std::string_view kLine = "data: ";
  event_.clear();
  if (piece.begins) {
    event_ += kLine;
    is_json_ = !piece.bytes.empty() && (piece.bytes.front() == '{' || piece.bytes.front() == '[');
  }
  ByteView rest = piece.bytes;
  for (;;) {
    const std::size_t line = rest.find_first_of("\r\n");
    event_ += rest.substr(0, line);
    if (line == ByteView::npos) break;
    event_ += is_json_ ? " " : "\n";
    if (!is_json_) event_ += kLine;
    rest.remove_prefix(line + 1);
  }
  if (piece.ends) event_ += "\n\n";
}

AnswerInspection& AnswerMessages::inspection(bool is_text) {
  std::unique_ptr<AnswerInspection>& one = is_text ? text_ : binary_;
  if (!one) {
    one = std::make_unique<AnswerInspection>(services_, Codings(),
                                             is_text ? "text/event-stream" : "text/plain", limits_);
    // The first bytes decide whether a body is a text at all. A message that is none may be
    // followed by one that is, so these are ours.
    (void)one->feed(Bytes(kKindBytes, '\n'), false);
  }
  return *one;
}

Result<> AnswerMessages::look(AnswerInspection& inspection, ByteView text) {
  auto looked = inspection.feed(text, false);
  if (!looked) return looked;
  std::vector<Finding> findings = inspection.take_findings();
  for (const Finding& finding : findings) {
    FindingRecord record;
    record.name = finding.name;
    record.kind = "answer";
    record.severity = blocks_ ? "refuse" : "note";
    record.part = "body";
    record.fingerprint = finding.fingerprint;
    record.action = blocks_ ? FindingAction::Refused : FindingAction::Noted;
    passage_.findings.add(std::move(record));
  }
  if (!blocks_ || findings.empty()) return {};
  refused_ = findings.front();
  passage_.cut_by = DecidedBy::Guard;
  Failure failure(Code::Denied, "the guard found " + findings.front().name + " in a message",
                  problem_code::kAnswerBlocked,
                  "The host's answers are blocked if the guard finds something in them. If this "
                  "host is to be trusted, set its \"responses\" to note.");
  failure.by = DecidedBy::Guard;
  return failure;
}

}  // namespace bottle
