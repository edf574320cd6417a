#include "proxy/flow/splice_gate.h"

#include <new>
#include <optional>

#include "proxy/contract/problem_codes.h"
#include "proxy/flow/guard_records.h"

namespace bottle {
namespace {

Verdict verdict_of_tunnel(const Failure& failure, bool begun) {
  if (begun) return Verdict::Cut;
  return traits(failure.code).level == LogLevel::Audit ? Verdict::Refused : Verdict::Failed;
}

}  // namespace

SplicedTunnel::SplicedTunnel(AuditSink& audit, AuditRecord record,
                             std::unique_ptr<TunnelBook::Place> place)
    : audit_(audit),
      record_(std::move(record)),
      place_(std::move(place)),
      began_(std::chrono::steady_clock::now()) {}

SplicedTunnel::~SplicedTunnel() {
  if (written_) return;
  try {
    end(Failure(Code::Cancelled, "cancelled"), DecidedBy::Proxy, "");
  } catch (const std::bad_alloc&) {  // the line is lost, and nothing else
  }
}

Result<void> SplicedTunnel::begin() {
  AuditRecord begin = record_;
  begin.kind = AuditKind::Begin;
  if (!audit_.begin(begin)) {
    return audit_unwritable();
  }
  record_.begun = true;
  record_.status = 200;
  return {};
}

std::size_t SplicedTunnel::take(TunnelBook::Direction direction, std::size_t bytes) noexcept {
  const std::size_t allowed = place_->take(direction, bytes);
  (direction == TunnelBook::Direction::Up ? record_.bytes_in : record_.bytes_out) += allowed;
  return allowed;
}

void SplicedTunnel::end(const std::optional<Failure>& failure, DecidedBy by,
                        std::string_view detail) {
  written_ = true;
  record_.total = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - began_);
  record_.detail = detail;
  if (failure) {
    record_.verdict = verdict_of_tunnel(*failure, record_.begun);
    record_.reason = word(*failure);
    record_.by = by;
    if (detail.empty()) record_.detail = failure->detail;
  }
  audit_.write(record_);
}

bool SpliceGate::splices(const Destination& destination) const {
  const Decision decision = policy_.now().decide(destination, Scheme::Https);
  return !decision.refusal && decision.route == Route::Splice;
}

std::string SpliceGate::next_id() { return id_prefix_ + std::to_string(++count_); }

void SpliceGate::refused(AuditRecord record, const Failure& failure, DecidedBy by) {
  record.verdict = verdict_of_tunnel(failure, false);
  record.reason = word(failure);
  if (record.host != "[redacted]") record.detail = failure.detail;
  record.by = by;
  audit_.write(record);
}

Result<std::unique_ptr<SplicedTunnel>> SpliceGate::admit(const Destination& destination) {
  AuditRecord record;
  record.time = std::chrono::system_clock::now();
  record.id = next_id();
  record.route = to_string(Route::Splice);
  record.method = "CONNECT";
  record.host = destination.host;
  record.port = destination.port;
  record.not_inspected = true;
  if (guard_.knows_host(destination.host)) {
    record.host = "[redacted]";
    Failure failure(Code::Denied, "the host's name has a secret in it",
                    problem_code::kSecretInHost);
    refused(std::move(record), failure, DecidedBy::Guard);
    return failure;
  }
  if (!audit_.healthy() && !audit_.probe()) {
    return audit_unwritable();
  }
  const Decision decision = policy_.now().admit(destination, Scheme::Https);
  record.learned = decision.learned;
  if (decision.refusal) {
    refused(std::move(record), *decision.refusal, DecidedBy::Policy);
    return *decision.refusal;
  }
  // Another connection's use of an entry, or the clock, may have ended that which made it a splice.
  if (decision.route != Route::Splice) {
    Failure failure(Code::Denied, "the host does not have the route splice any more",
                    problem_code::kHostNotAllowed, "Open the connection anew.");
    refused(std::move(record), failure, DecidedBy::Policy);
    return failure;
  }
  const bool unlisted = decision.learned && destination.kind == HostKind::Name;
  if (unlisted || !decision.wildcard.empty()) {
    const auto seen = host_watch_.look(destination.host, decision.wildcard, Clock::now());
    if (!seen) {
      record.findings.add(suspicious_host_name());
      refused(std::move(record), seen.error(), DecidedBy::Guard);
      return seen.error();
    }
  }
  auto place = book_.enter(destination.host);
  if (!place) {
    refused(std::move(record), place.error(), DecidedBy::Proxy);
    return place.error();
  }
  return std::make_unique<SplicedTunnel>(audit_, std::move(record), std::move(*place));
}

}  // namespace bottle
