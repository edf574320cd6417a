#include "launcher/manifest_guard.h"

#include <fstream>

namespace bottle::launcher {
namespace {

// A missing file and an empty one must differ, and a device must not be read.
std::string look(const std::filesystem::path& file) {
  constexpr std::size_t kMost = 1024 * 1024 + 1;  // larger than any manifest that is accepted
  std::error_code ec;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, ec))) return "absent";
  if (!std::filesystem::is_regular_file(file, ec)) return "special";
  std::ifstream in(file, std::ios::binary);
  std::string content(kMost, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(in.gcount()));
  return "content:" + content;
}

}  // namespace

ManifestGuard::ManifestGuard(const Plan& plan) {
  const auto in_workspace = plan.workspace / kManifestName;
  seen_.push_back({in_workspace, look(in_workspace)});
  if (!plan.manifest.empty() && plan.manifest != in_workspace) {
    seen_.push_back({plan.manifest, look(plan.manifest)});
  }
}

std::vector<std::filesystem::path> ManifestGuard::changed() const {
  std::vector<std::filesystem::path> out;
  for (const auto& seen : seen_) {
    if (look(seen.file) != seen.content) out.push_back(seen.file);
  }
  return out;
}

}  // namespace bottle::launcher
