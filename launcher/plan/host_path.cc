#include "launcher/plan/host_path.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "launcher/plan/home_folder.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUsual = "/usr/local/bin:/usr/bin:/bin";
constexpr int kMostLinks = 40;  // as many as the kernel follows

fs::path without_slash(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  return normal.has_filename() || normal == "/" ? normal : normal.parent_path();
}

bool in_one_of(const fs::path& path, const std::vector<fs::path>& folders) {
  return std::any_of(folders.begin(), folders.end(),
                     [&path](const fs::path& folder) { return is_below(path, folder); });
}

// Whether a lookup of `directory` passes through one of the folders: the agent can replace a link
// there, also one that leads out again.
bool passes(const fs::path& directory, const std::vector<fs::path>& folders) {
  fs::path rest = directory;
  for (int links = 0; links <= kMostLinks; ++links) {
    fs::path at = "/";
    fs::path next;
    for (auto part = rest.begin(); part != rest.end(); ++part) {
      if (part->empty() || *part == "/" || *part == ".") continue;
      at = *part == ".." ? at.parent_path() : at / *part;
      if (in_one_of(at, folders)) return true;
      std::error_code ec;
      if (fs::symlink_status(at, ec).type() != fs::file_type::symlink) continue;
      next = at.parent_path() / fs::read_symlink(at, ec);
      if (ec) return true;
      for (++part; part != rest.end(); ++part) next /= *part;
      break;
    }
    if (next.empty()) return false;
    rest = next;
  }
  return true;
}

}  // namespace

HostPath host_path(std::string_view path, const std::vector<fs::path>& folders) {
  std::vector<fs::path> all;
  for (const auto& folder : folders) {
    if (!folder.is_absolute()) continue;
    all.push_back(without_slash(folder));
    std::error_code ec;
    const auto real = fs::weakly_canonical(folder, ec);
    if (!ec) all.push_back(without_slash(real));
  }
  HostPath out;
  while (!path.empty()) {
    const auto colon = path.find(':');
    const std::string directory(path.substr(0, colon));
    path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
    if (directory.empty()) continue;
    if (directory.front() != '/' || in_one_of(without_slash(directory), all) ||
        passes(directory, all)) {
      out.left_out.push_back(directory);
    } else {
      out.path += (out.path.empty() ? "" : ":") + directory;
    }
  }
  if (out.path.empty()) out.path = kUsual;
  return out;
}

std::vector<fs::path> folders_of_agents(const BottleSpec& spec) {
  std::vector<fs::path> out{spec.workspace};
  for (const auto& mount : spec.mounts) {
    if (!mount.read_only) out.emplace_back(mount.host);
  }
  if (const auto state = state_base(spec.around)) out.push_back(*state / kHomesName);
  return out;
}

std::optional<std::string> left_out_note(const HostPath& host) {
  if (host.left_out.empty()) return std::nullopt;
  return "programs that run outside of the bottle are not looked for in " +
         shell_quoted(host.left_out) + " of your PATH, which the agent can change";
}

void use_host_path(const std::string& path) { ::setenv("PATH", path.c_str(), 1); }

}  // namespace bottle::launcher
