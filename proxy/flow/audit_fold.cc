#include "proxy/flow/audit_fold.h"

#include <algorithm>
#include <utility>

namespace bottle {
namespace {

using std::chrono::seconds;

constexpr seconds kEach{1};
// A line may be paid for in advance, so many seconds.
constexpr seconds kAhead = (kLinesBeforeFolding - 1) * kEach;
// As the line will have it: what waits here is bounded as well.
constexpr std::size_t kKeptTarget = 1024;

template <class Value>
void clear_if_different(Value& mine, const Value& other) {
  if (!(mine == other)) mine = Value();
}

// One record that stands for both. Where they differ it says nothing.
void merge(AuditRecord& mine, const AuditRecord& other) {
  mine.count += other.count;
  mine.bytes_in += other.bytes_in;
  mine.bytes_out += other.bytes_out;
  mine.total = std::max(mine.total, other.total);
  mine.ttfb.reset();
  mine.id.clear();
  if (mine.host != other.host) {
    mine.host.clear();
    mine.port = 0;
  }
  clear_if_different(mine.port, other.port);
  clear_if_different(mine.route, other.route);
  clear_if_different(mine.client_protocol, other.client_protocol);
  clear_if_different(mine.upstream_protocol, other.upstream_protocol);
  clear_if_different(mine.method, other.method);
  if (mine.target != std::string_view(other.target).substr(0, kKeptTarget)) mine.target.clear();
  clear_if_different(mine.status, other.status);
  clear_if_different(mine.detail, other.detail);
  clear_if_different(mine.reason, other.reason);
  clear_if_different(mine.by, other.by);
  clear_if_different(mine.answer, other.answer);
  clear_if_different(mine.who, other.who);
  clear_if_different(mine.shown, other.shown);
  clear_if_different(mine.findings, other.findings);
  mine.learned = mine.learned && other.learned;
  mine.target_has_secret = mine.target_has_secret || other.target_has_secret;
  mine.scanned_request_body = mine.scanned_request_body && other.scanned_request_body;
  mine.scanned_response_body = mine.scanned_response_body && other.scanned_response_body;
}

std::string widest_key(const AuditRecord& record) {
  return {static_cast<char>(record.kind), static_cast<char>(record.verdict)};
}

std::string key_of(const AuditRecord& record) {
  return widest_key(record) + static_cast<char>(record.by) + record.reason;
}

}  // namespace

void AuditFold::forget_idle(TimePoint now) {
  std::erase_if(kinds_, [&](const auto& entry) {
    const Kind& kind = entry.second;
    const bool idle = !kind.counted && kind.paid_until <= now;
    if (idle && kind.has_host) --hosts_;
    return idle;
  });
}

AuditFold::Kind& AuditFold::kind_of(const AuditRecord& record, TimePoint now) {
  const std::string without_host = key_of(record);
  const std::string with_host = without_host + '\0' + record.host;
  const bool anonymous = record.anonymous;
  if (!anonymous) {
    const auto known = kinds_.find(with_host);
    if (known != kinds_.end()) return known->second;
  }
  // Only a new kind looks for room, and there are few.
  forget_idle(now);
  if (!anonymous && hosts_ < kFoldedHosts) {
    ++hosts_;
    Kind& kind = kinds_[with_host];
    kind.has_host = true;
    return kind;
  }
  const bool room = kinds_.contains(without_host) || kinds_.size() - hosts_ < kFoldedKinds;
  return kinds_[room ? without_host : widest_key(record)];
}

bool AuditFold::add(const AuditRecord& record, TimePoint now) {
  Kind& kind = kind_of(record, now);
  if (!kind.counted && kind.paid_until <= now + kAhead) {
    kind.paid_until = std::max(kind.paid_until, now) + kEach;
    return true;
  }
  if (kind.counted) {
    merge(*kind.counted, record);
  } else {
    kind.counted = record;
    if (kind.counted->target.size() > kKeptTarget) kind.counted->target.resize(kKeptTarget);
  }
  return false;
}

std::vector<AuditRecord> AuditFold::due(TimePoint now) {
  std::vector<AuditRecord> out;
  for (auto& [key, kind] : kinds_) {
    if (!kind.counted || kind.paid_until > now + kAhead) continue;
    out.push_back(std::move(*kind.counted));
    kind.counted.reset();
    kind.paid_until = std::max(kind.paid_until, now) + kEach;
  }
  return out;
}

std::vector<AuditRecord> AuditFold::rest() {
  std::vector<AuditRecord> out;
  for (auto& [key, kind] : kinds_) {
    if (kind.counted) out.push_back(std::move(*kind.counted));
    kind.counted.reset();
  }
  return out;
}

std::optional<AuditFold::TimePoint> AuditFold::next() const noexcept {
  std::optional<TimePoint> first;
  for (const auto& [key, kind] : kinds_) {
    if (kind.counted && (!first || kind.paid_until - kAhead < *first)) {
      first = kind.paid_until - kAhead;
    }
  }
  return first;
}

}  // namespace bottle
