#include "proxy/flow/guard_records.h"

#include <string_view>

namespace bottle {
namespace {

std::string_view word(FindingKind kind) noexcept {
  switch (kind) {
    case FindingKind::Secret:
      return "secret";
    case FindingKind::Token:
      return "token";
    case FindingKind::HostName:
      return "host_name";
    case FindingKind::Answer:
      return "answer";
    case FindingKind::Unread:
      return "unread";
  }
  return "secret";
}

}  // namespace

FindingRecord record_of(const Finding& finding, FindingAction action) {
  return FindingRecord{.name = finding.name,
                       .kind = word(finding.kind),
                       .severity = finding.severity == Severity::Note ? "note" : "refuse",
                       .part = to_string(finding.part),
                       .field = finding.field,
                       .json_path = finding.json_path,
                       .fingerprint = finding.fingerprint,
                       .action = action};
}

FindingRecord unread_answer() {
  return FindingRecord{
      .name = "answer_not_read", .kind = "answer", .severity = "note", .part = "body"};
}

FindingRecord unread_request() {
  return FindingRecord{
      .name = "coding_not_read", .kind = "unread", .severity = "note", .part = "body"};
}

std::function<void(const Finding&)> reporter(Passage& passage) {
  return [&passage](const Finding& finding) {
    const bool note = finding.severity == Severity::Note;
    passage.findings.add(record_of(finding, note ? FindingAction::Noted : FindingAction::Refused));
  };
}

}  // namespace bottle
