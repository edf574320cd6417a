#include "launcher/watch/audit_words.h"

#include <array>
#include <cstdint>
#include <cstdio>

#include "launcher/process/plain_text.h"
#include "proxy/contract/audit_schema.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/problem_codes.h"

namespace bottle::launcher::watch {

std::string text_of(const nlohmann::json& entry, const char* key, std::size_t most) {
  const auto found = entry.find(key);
  if (found == entry.end()) return {};
  if (found->is_string()) return printable(found->get_ref<const std::string&>(), most);
  if (found->is_number()) return found->dump();
  return {};
}

bool is(const nlohmann::json& entry, const char* key, std::string_view text) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() && found->get_ref<const std::string&>() == text;
}

std::string amount_words(double bytes) {
  std::array<char, 32> text{};
  if (bytes < 1024) {
    std::snprintf(text.data(), text.size(), "%.0f B", bytes);
  } else if (bytes < 1024.0 * 1024) {
    std::snprintf(text.data(), text.size(), "%.1f KiB", bytes / 1024);
  } else {
    std::snprintf(text.data(), text.size(), "%.1f MiB", bytes / 1024 / 1024);
  }
  return text.data();
}

std::string findings_words(const nlohmann::json& entry) {
  constexpr std::size_t kMostShown = 4;
  const auto found = entry.find(audit_key::kFindings);
  if (found == entry.end() || !found->is_array()) return {};
  std::string out;
  std::size_t shown = 0;
  for (const auto& one : *found) {
    if (!one.is_object() || ++shown > kMostShown) continue;
    std::string where = text_of(one, finding_key::kJsonPath);
    if (where.empty()) where = text_of(one, finding_key::kField);
    if (where.empty()) where = text_of(one, finding_key::kPart);
    const std::string print = text_of(one, finding_key::kFingerprint);
    out += (out.empty() ? "" : "; ") + text_of(one, finding_key::kAction) + " " +
           text_of(one, finding_key::kName) + " in " + where +
           (print.empty() ? "" : " (" + print + ")");
  }
  const auto more = entry.find(audit_key::kMoreFindings);
  std::uint64_t others = shown > kMostShown ? shown - kMostShown : 0;
  if (more != entry.end() && more->is_number_unsigned()) others += more->get<std::uint64_t>();
  return others == 0 ? out : out + "; " + std::to_string(others) + " more";
}

std::string host_to_allow(const nlohmann::json& entry) {
  const bool port = is(entry, audit_key::kReason, problem_code::kPortNotAllowed);
  const bool closed = port || is(entry, audit_key::kReason, problem_code::kHostNotAllowed) ||
                      entry.contains(audit_key::kLearned);
  const std::string host = text_of(entry, audit_key::kHost);
  const bool plain =
      !host.empty() &&
      host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-:") == std::string::npos;
  if (!closed || !plain) return {};
  const auto told = entry.find(audit_key::kPort);
  const bool numbered = told != entry.end() && told->is_number_unsigned();
  const auto number =
      numbered ? as_port(told->get<std::uint64_t>()) : std::optional<std::uint16_t>(443);
  if (!number) return {};
  const bool usual = !port && is_usual_port(*number);
  return allow_entry(host, usual ? std::nullopt : number);
}

}  // namespace bottle::launcher::watch
