#include "launcher/command/ignored_secret.h"

#include <filesystem>

#include "launcher/command/command.h"
#include "launcher/command/saved_manifest.h"
#include "launcher/manifest/manifest.h"
#include "launcher/manifest/manifest_edit.h"
#include "launcher/manifest/manifest_write.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

Expected<fs::path> manifest_file(const std::optional<std::string>& named, const Context& context) {
  std::optional<fs::path> file;
  if (named) {
    file = context.around.directory / *named;
  } else {
    file = find_manifest(context.around.directory, context.around.home);
  }
  if (!file) {
    return Error{ExitCode::kUsage, "there is no manifest to write it to",
                 "`bottle init` writes one here; --manifest names one"};
  }
  // The file that a link leads to is written, and the link stays.
  std::error_code ec;
  const fs::path real = fs::canonical(*file, ec);
  if (!ec) return real;
  return Error{ExitCode::kManifest, "cannot read the manifest " + file->string(),
               "name another file with --manifest"};
}

// The bottle that `bottle start NAME` would make.
Expected<std::string> bottle_of(const Manifest& manifest, const std::optional<std::string>& name) {
  std::string known;
  for (const auto& [one, entry] : manifest.bottles) known += (known.empty() ? "" : ", ") + one;
  if (name) {
    const auto agent = manifest.agents.find(*name);
    if (agent != manifest.agents.end()) return agent->second.bottle;
    if (manifest.bottles.contains(*name)) return *name;
    return Error{
        ExitCode::kUsage,
        "\"" + printable(*name) + "\" is neither an agent nor a bottle of " + manifest.file,
        "its bottles: " + known};
  }
  if (manifest.bottles.contains("default")) return std::string("default");
  if (manifest.bottles.size() == 1) return manifest.bottles.begin()->first;
  return Error{ExitCode::kUsage, "which bottle? " + manifest.file + " has no \"default\"",
               known.empty() ? "it has no bottle at all" : "name one: " + known};
}

}  // namespace

Expected<int> ignore_secret(const std::string& fingerprint, const std::optional<std::string>& name,
                            const std::optional<std::string>& named, const Context& context) {
  const auto file = manifest_file(named, context);
  if (!file) return file.error();
  const auto manifest = load_manifest(*file);
  if (!manifest) return manifest.error();
  const auto bottle = bottle_of(*manifest, name);
  if (!bottle) return bottle.error();
  const auto text = manifest_text(*file);
  if (!text) return text.error();
  const auto edited = with_ignored(*text, file->string(), *bottle, fingerprint);
  if (!edited) return edited.error();
  if (!*edited) {
    context.err << "bottle: " << shown_path(*file) << " has it already\n";
    return 0;
  }
  if (auto written = replace_manifest(*file, *text, **edited); !written)
    return std::move(written.error());
  tell_bottles(*file, *text, **edited, context);
  context.err << "bottle: wrote the fingerprint to " << shown_path(*file) << "; the bottle \""
              << *bottle << "\" lets this value out from its next start on\n";
  return 0;
}

}  // namespace bottle::launcher
