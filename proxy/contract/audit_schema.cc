#include "proxy/contract/audit_schema.h"

namespace bottle {
namespace {

constexpr std::array<std::string_view, kAuditParts> kParts{"exchanges", "findings", "refusals"};
constexpr std::array<std::string_view, 13> kKinds{
    "exchange",   "refused_connection", "refused_at_exit", "refused_name", "begin",
    "lost_lines", "secrets_changed",    "policy_changed",  "ask",          "engine_restarted",
    "torn_line",  "lost_copies",        "log_end"};
constexpr std::array<std::string_view, 4> kVerdicts{"allowed", "refused", "failed", "cut"};

}  // namespace

std::string_view to_string(AuditPart part) noexcept {
  return kParts[static_cast<std::size_t>(part)];
}

std::string_view to_string(AuditKind kind) noexcept {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string_view to_string(Verdict verdict) noexcept {
  return kVerdicts[static_cast<std::size_t>(verdict)];
}

std::optional<Verdict> verdict_by_word(std::string_view word) noexcept {
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) {
    if (kVerdicts[i] == word) return static_cast<Verdict>(i);
  }
  return std::nullopt;
}

std::array<std::string, kAuditParts> audit_files(const std::string& path) {
  return {path, path + ".findings", path + ".refusals"};
}

std::string older_audit_file(const std::string& file, int number) {
  return file + "." + std::to_string(number);
}

AuditPart audit_part_of(std::string_view line) noexcept {
  constexpr std::size_t kStart = 128;
  line = line.substr(0, kStart);
  if (line.find(R"("part":"findings")") != std::string_view::npos) return AuditPart::Findings;
  if (line.find(R"("part":"refusals")") != std::string_view::npos) return AuditPart::Refusals;
  return AuditPart::Exchanges;
}

}  // namespace bottle
