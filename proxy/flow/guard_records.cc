#include "proxy/flow/guard_records.h"

#include <utility>

#include "proxy/contract/problem_codes.h"

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

Failure blocked_answer(const std::string& what, std::string_view in) {
  Failure failure(Code::Denied, "the guard found " + what + " in " + std::string(in),
                  problem_code::kAnswerBlocked,
                  "The host's answers are blocked if the guard finds something in them. If this "
                  "host is to be trusted, set its \"responses\" to note.");
  failure.by = DecidedBy::Guard;
  return failure;
}

Result<> report_answer(const std::vector<Finding>& findings, bool blocks, std::string_view in,
                       Passage& passage) {
  for (const Finding& finding : findings) {
    FindingRecord record;
    record.name = finding.name;
    record.kind = "answer";
    record.severity = blocks ? "refuse" : "note";
    record.part = "body";
    record.fingerprint = finding.fingerprint;
    record.action = blocks ? FindingAction::Refused : FindingAction::Noted;
    passage.findings.add(std::move(record));
  }
  if (!blocks || findings.empty()) return {};
  passage.cut_by = DecidedBy::Guard;
  return blocked_answer(findings.front().name, in);
}

FindingRecord suspicious_host_name() {
  return FindingRecord{.name = "host name",
                       .kind = "host_name",
                       .severity = "refuse",
                       .part = "host",
                       .action = FindingAction::Refused};
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
