// Names that the manifest and the command line share: scanners, homes and variables.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/manifest/manifest.h"
#include "launcher/manifest/trust_env.h"

namespace bottle::launcher {

std::string_view scanner_name(Scanner scanner) {
  return scanner == Scanner::kPipelock ? "pipelock" : "guard";
}

std::optional<Scanner> scanner_by_name(std::string_view name) {
  if (name == "pipelock") return Scanner::kPipelock;
  if (name == "guard") return Scanner::kGuard;
  return std::nullopt;
}

bool is_entry_name(std::string_view name) {
  constexpr std::size_t kMost = 64;
  return !name.empty() && name.size() <= kMost && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

std::string_view home_name(HomeKind kind) { return kind == HomeKind::kKept ? "kept" : "private"; }

std::optional<HomeKind> home_by_name(std::string_view name) {
  if (name == "private") return HomeKind::kPrivate;
  if (name == "kept") return HomeKind::kKept;
  return std::nullopt;
}

std::string problem_with_variable(std::string_view name) {
  const bool plain = !name.empty() && (name.front() < '0' || name.front() > '9') &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '_';
                     });
  if (!plain) return "a variable's name has letters, digits and '_' only";
  if (name == "JAVA_TOOL_OPTIONS") return {};  // merged: ours are appended
  if (is_trust_variable(name)) {
    return "the launcher sets it so that clients trust and use the bottle's proxy";
  }
  return {};
}

}  // namespace bottle::launcher
