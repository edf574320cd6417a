// The manifest as a file: where it is, and its text.
#include <filesystem>
#include <string>

#include "launcher/manifest/manifest.h"
#include "launcher/process/regular_file.h"

namespace bottle::launcher {

Expected<Manifest> load_manifest(const std::filesystem::path& file) {
  const std::string hint = "name another file with --manifest, or run without a manifest";
  std::error_code ec;
  if (std::filesystem::is_directory(file, ec)) {
    return Error{ExitCode::kManifest, "the manifest " + file.string() + " is a directory", hint};
  }
  const auto text = regular_text(file);
  if (!text) {
    return Error{ExitCode::kManifest,
                 "cannot read the manifest " + file.string() + ": " + text.error().message, hint};
  }
  return parse_manifest(*text, file.string(), std::filesystem::absolute(file, ec).parent_path());
}

std::optional<std::filesystem::path> find_manifest(const std::filesystem::path& start,
                                                   const std::filesystem::path& home) {
  std::error_code ec;
  for (std::filesystem::path at = start; !at.empty(); at = at.parent_path()) {
    const auto candidate = at / kManifestName;
    // A link to nowhere counts: a manifest that is overlooked would be a policy that does not hold.
    if (std::filesystem::exists(std::filesystem::symlink_status(candidate, ec))) return candidate;
    if (std::filesystem::exists(at / ".git", ec) || at == home || at == at.root_path()) break;
  }
  return std::nullopt;
}

}  // namespace bottle::launcher
