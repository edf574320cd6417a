#include "launcher/audit_summary.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace bottle::launcher {

std::size_t count_refused(const std::filesystem::path& audit) {
  constexpr std::size_t kMost = 64 * 1024 * 1024;
  std::ifstream in(audit);
  std::size_t refused = 0;
  std::size_t seen = 0;
  for (std::string line; seen < kMost && std::getline(in, line); seen += line.size()) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;
    const auto verdict = entry.find("verdict");
    if (verdict != entry.end() && *verdict == "refused") ++refused;
  }
  return refused;
}

}  // namespace bottle::launcher
