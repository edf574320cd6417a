#include "launcher/backend/local/added_file.h"

namespace bottle::launcher::local {
namespace {

namespace fs = std::filesystem;
using Kind = PlannedMount::Kind;

constexpr std::size_t kMaxBeside = 200;  // Firefox has about 40 files in its folder

}  // namespace

void add_file_to(const fs::path& folder, const fs::path& file, const std::string& generated,
                 std::vector<PlannedMount>& out) {
  std::vector<PlannedMount> beside;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder, ec)) {
    if (beside.size() == kMaxBeside) return;  // it is some other folder
    const auto& path = entry.path();
    if (path == folder / file) continue;
    if (entry.is_symlink(ec)) {
      beside.push_back({Kind::kSymlink, fs::read_symlink(path, ec).string(), path.string()});
    } else if (entry.is_directory(ec) || entry.is_regular_file(ec)) {
      beside.push_back({Kind::kReadOnly, path.string(), path.string()});
    }
  }
  if (ec) return;
  // The mounts above would show again what these cover.
  for (const auto& mount : out) {
    if (mount.kind == Kind::kHidden && mount.at != folder && is_below(mount.at, folder)) {
      beside.push_back(mount);
    }
  }
  out.push_back({Kind::kPrivate, "", folder.string()});
  out.insert(out.end(), beside.begin(), beside.end());
  out.push_back({Kind::kGenerated, generated, (folder / file).string()});
}

}  // namespace bottle::launcher::local
