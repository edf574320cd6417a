#include "proxy/exit/exit_refusals.h"

#include <chrono>
#include <utility>

#include "proxy/http/head.h"

namespace bottle {

void write_refusal(AuditSink& audit, ExitRefusal refusal) {
  AuditRecord record;
  record.time = std::chrono::system_clock::now();
  record.id = std::move(refusal.id);
  record.kind = AuditKind::RefusedAtExit;
  record.route = std::move(refusal.route);
  if (!refusal.method.empty()) record.client_protocol = to_string(Version::Http11);
  record.method = std::move(refusal.method);
  record.host = std::move(refusal.destination.host);
  record.port = refusal.destination.port;
  record.status = refusal.status;
  const bool decided = traits(refusal.failure.code).level == LogLevel::Audit;
  record.verdict = decided ? Verdict::Refused : Verdict::Failed;
  record.reason = word(refusal.failure);
  record.detail = std::move(refusal.failure.detail);
  record.by = DecidedBy::Exit;
  audit.write(record);
}

}  // namespace bottle
