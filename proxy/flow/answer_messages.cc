#include "proxy/flow/answer_messages.h"

#include <utility>
#include <vector>

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
  const std::vector<Finding> findings = inspection.take_findings();
  auto reported = report_answer(findings, blocks_, "a message", passage_);
  if (!reported) refused_ = findings.front();
  return reported;
}

}  // namespace bottle
