#include "launcher/plan/held_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace bottle::launcher {
namespace fs = std::filesystem;

void HeldFiles::add(const fs::path& path, Hold hold) {
  auto& now = holds_.emplace(path, hold).first->second;
  now = std::max(now, hold);
}

void HeldFiles::open(const fs::path& folder) { add(folder, Hold::kOpen); }

fs::path HeldFiles::root_of(const fs::path& path) const {
  for (auto at = path.parent_path(); at.has_relative_path(); at = at.parent_path()) {
    const auto found = holds_.find(at);
    const bool opened = found != holds_.end() && found->second == Hold::kOpen;
    if (at == workspace_ || opened) return at;
  }
  return {};
}

void HeldFiles::keep(const fs::path& path) {
  add(path, Hold::kReadOnly);
  // Elsewhere a mount of the folder would show more of the host.
  const auto root = root_of(path);
  if (root.empty()) return;
  for (auto at = path.parent_path(); at != root; at = at.parent_path()) add(at, Hold::kInPlace);
}

void HeldFiles::make_and_keep(const fs::path& path) {
  std::error_code ec;
  if (fs::symlink_status(path, ec).type() == fs::file_type::not_found) plan_.made.push_back(path);
  keep(path);
}

std::vector<std::string> HeldFiles::keep_named(const fs::path& path) {
  fs::path at = root_of(path);
  if (at.empty()) return {};
  std::error_code ec;
  for (const auto& part : path.lexically_relative(at)) {
    at /= part;
    const auto type = fs::symlink_status(at, ec).type();
    if (type == fs::file_type::not_found || type == fs::file_type::none) return {};
    if (type != fs::file_type::symlink) continue;
    const auto real = fs::canonical(path, ec);
    const bool inside = !ec && !root_of(real).empty();
    if (inside) keep(real);
    watch(at);
    return {at.string() + " is a link, which the agent can replace" +
            (inside ? "; " + real.string() + " is read-only" : "") +
            ": look at the link before your own tools use it"};
  }
  keep(path);
  watch(path);
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink > 1) {
    return {path.string() + " has another name (a hard link), by which the agent may change it"};
  }
  return {};
}

bool HeldFiles::keeps(const fs::path& path) const {
  const auto found = holds_.find(path);
  return found != holds_.end() && found->second == Hold::kReadOnly;
}

HeldPlan HeldFiles::plan() const {
  HeldPlan out = plan_;
  // The entries that hold the one at hand, the nearest last.
  std::vector<std::pair<fs::path, Hold>> above;
  for (const auto& [path, hold] : holds_) {
    while (!above.empty() && !is_below(path, above.back().first)) above.pop_back();
    // A writable mount in a read-only folder would open what is to be held.
    const bool held = !above.empty() && above.back().second == Hold::kReadOnly;
    if (held && hold == Hold::kInPlace) continue;
    above.emplace_back(path, hold);
    const auto kind =
        hold == Hold::kReadOnly ? PlannedMount::Kind::kReadOnly : PlannedMount::Kind::kWritable;
    out.mounts.push_back({kind, path.string(), path.string()});
  }
  return out;
}

}  // namespace bottle::launcher
