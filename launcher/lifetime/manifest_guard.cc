#include "launcher/lifetime/manifest_guard.h"

#include <algorithm>
#include <optional>

#include "launcher/lifetime/known_manifest.h"
#include "launcher/process/regular_file.h"

namespace bottle::launcher {
namespace {

std::string of_content(const std::string& text) { return "content:" + text; }

// A missing file and an empty one must differ. Anything else than a file, or a file that is too
// large, is no manifest.
std::string look(const std::filesystem::path& file) {
  std::error_code ec;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, ec))) return "absent";
  const auto text = regular_text(file);
  return text ? of_content(*text) : "special";
}

}  // namespace

ManifestGuard::ManifestGuard(const Plan& plan)
    : manifest_(plan.manifest), state_(plan.state_base / plan.id) {
  // The next start from here looks in each of them.
  for (auto at = plan.directory; is_below(at, plan.workspace); at = at.parent_path()) {
    seen_.push_back({at / kManifestName, look(at / kManifestName)});
    if (at == at.root_path()) break;
  }
  const bool listed = std::any_of(seen_.begin(), seen_.end(),
                                  [&plan](const Seen& seen) { return seen.file == plan.manifest; });
  if (!plan.manifest.empty() && !listed) seen_.push_back({plan.manifest, look(plan.manifest)});
}

std::vector<std::filesystem::path> ManifestGuard::changed() const {
  std::vector<std::filesystem::path> out;
  for (const auto& seen : seen_) {
    const std::string now = look(seen.file);
    if (now == seen.content) continue;
    const auto known = seen.file == manifest_ ? known_manifest(state_) : std::nullopt;
    if (!known || now != of_content(*known)) out.push_back(seen.file);
  }
  return out;
}

}  // namespace bottle::launcher
