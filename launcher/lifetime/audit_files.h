#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace bottle::launcher {

// Where the audit log's lines are, as docs/config.md says: three parts, each with a current file
// and older ones, of which NAME.1 is the newest.
inline constexpr std::size_t kAuditParts = 3;
inline constexpr std::uintmax_t kMostAudit = 64ULL * 1024 * 1024;  // bytes of a file
inline constexpr int kKeptAudits = 3;                              // older files of a part
// Logs of older versions had one more.
inline constexpr int kMostKeptAudits = 4;

// The current files: exchanges, findings, refusals.
inline std::array<std::filesystem::path, kAuditParts> audit_files(
    const std::filesystem::path& audit) {
  return {audit, audit.string() + ".findings", audit.string() + ".refusals"};
}

inline std::filesystem::path older_audit(const std::filesystem::path& file, int number) {
  return file.string() + "." + std::to_string(number);
}

// The index of the part that a line says it belongs to. Within strings a line has no bare quotes,
// so nothing that the agent chose looks like this.
inline std::size_t audit_part_of(std::string_view line) {
  constexpr std::size_t kStart = 128;
  line = line.substr(0, kStart);
  if (line.find(R"("part":"findings")") != std::string_view::npos) return 1;
  if (line.find(R"("part":"refusals")") != std::string_view::npos) return 2;
  return 0;
}

}  // namespace bottle::launcher
