#include "launcher/backend/local/firefox_mounts.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

#include "launcher/backend/local/added_file.h"
#include "launcher/backend/local/file_tree.h"
#include "launcher/plan/firefox_policy.h"

namespace bottle::launcher::local {
namespace {

namespace fs = std::filesystem;
using Kind = PlannedMount::Kind;

// The folders that Firefox is installed in; its policy can be below each, too.
constexpr std::array kInstalled{"/usr/lib/firefox-esr", "/usr/lib/firefox", "/usr/lib64/firefox",
                                "/opt/firefox"};

std::optional<fs::path> existing_policy() {
  std::error_code ec;
  if (fs::is_regular_file(kFirefoxPolicyFile, ec)) return fs::canonical(kFirefoxPolicyFile, ec);
  for (const fs::path folder : kInstalled) {
    const auto file = folder / "distribution/policies.json";
    if (fs::is_regular_file(file, ec)) return fs::canonical(file, ec);
  }
  return std::nullopt;
}

}  // namespace

void add_firefox_policy(std::vector<PlannedMount>& out) {
  if (const auto file = existing_policy()) {
    out.push_back({Kind::kGenerated, kFirefoxName, file->string()});
    return;
  }
  std::error_code ec;
  for (const fs::path installed : kInstalled) {
    if (!fs::is_directory(installed, ec)) continue;
    const auto folder = fs::canonical(installed, ec);
    const auto distribution = folder / "distribution";
    if (fs::is_directory(distribution, ec)) {
      add_file_to(fs::canonical(distribution, ec), "policies.json", kFirefoxName, out);
    } else {
      add_file_to(folder, "distribution/policies.json", kFirefoxName, out);
    }
  }
}

std::string firefox_policy_before() {
  const auto file = existing_policy();
  if (!file) return {};
  std::ifstream in(*file, std::ios::binary);
  std::string text(64 * 1024, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace bottle::launcher::local
