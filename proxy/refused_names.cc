#include "proxy/refused_names.h"

#include <chrono>
#include <utility>

namespace bottle {

RefusedNames::RefusedNames(const SecretSet* secrets, AuditSink& audit, std::string id_prefix,
                           DecidedBy by)
    : secrets_(secrets), audit_(audit), id_prefix_(std::move(id_prefix)), by_(by) {
  if (secrets_ != nullptr) scan_space_ = std::make_unique<ScanSpace>(*secrets_);
}

void RefusedNames::tell(std::string_view name) {
  AuditRecord record;
  record.time = std::chrono::system_clock::now();
  record.id = id_prefix_ + std::to_string(++count_);
  record.kind = AuditKind::RefusedName;
  record.host = name;
  if (secrets_ != nullptr) {
    SecretScanner host(*secrets_, *scan_space_, record.host, Scheme::Https);
    SecretScanner text(*secrets_, *scan_space_, record.host, Scheme::Https);
    if (host.scan_host() || text.scan_url(name)) record.host = "[redacted]";
  }
  record.verdict = Verdict::Refused;
  record.reason = "host_not_allowed";
  record.detail = "its address was asked for, and it has none here";
  record.by = by_;
  audit_.write(record);
}

}  // namespace bottle
