#include "proxy/refused_names.h"

#include <charconv>
#include <chrono>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

// A name with the bytes that stand in it as "\ddd" (see NameAnswers): a secret may have some.
std::string with_its_bytes(std::string_view name) {
  constexpr std::size_t kDigits = 3;
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    unsigned byte = 0;
    const char* const digits = name.data() + 1;
    const bool escaped = name.front() == '\\' && name.size() > kDigits &&
                         std::from_chars(digits, digits + kDigits, byte).ptr == digits + kDigits;
    out += escaped ? static_cast<char>(byte) : name.front();
    name.remove_prefix(escaped ? 1 + kDigits : 1);
  }
  return out;
}

}  // namespace

RefusedNames::RefusedNames(std::shared_ptr<const SecretSet> secrets, AuditSink& audit,
                           std::string id_prefix, DecidedBy by)
    : audit_(audit), id_prefix_(std::move(id_prefix)), by_(by) {
  take(std::move(secrets));
}

void RefusedNames::take(std::shared_ptr<const SecretSet> secrets) {
  auto space = std::make_unique<ScanSpace>(*secrets);
  scan_space_ = std::move(space);
  secrets_ = std::move(secrets);
}

void RefusedNames::tell(std::string_view name) {
  AuditRecord record;
  record.time = std::chrono::system_clock::now();
  record.id = id_prefix_ + std::to_string(++count_);
  record.kind = AuditKind::RefusedName;
  record.host = name;
  const std::string plain = with_its_bytes(name);
  SecretScanner scanner(*secrets_, *scan_space_, plain, Scheme::Https);
  if (scanner.scan_host() || scanner.scan_url(plain)) record.host = "[redacted]";
  record.verdict = Verdict::Refused;
  record.reason = problem_code::kHostNotAllowed;
  record.detail = "a DNS query for a name that is not allowed";
  record.by = by_;
  audit_.write(record);
}

}  // namespace bottle
