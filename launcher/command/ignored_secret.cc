#include "launcher/command/ignored_secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "launcher/command/command.h"
#include "launcher/manifest/manifest.h"
#include "launcher/manifest/manifest_edit.h"
#include "launcher/process/process.h"
#include "proxy/contract/fd.h"

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

// A program that reads it meanwhile sees the old text or the new one.
Expected<void> replace_file(const fs::path& file, const std::string& text) {
  const auto failed = [&file](int problem) {
    return system_error("cannot write " + file.string(), problem, "is the folder yours?",
                        ExitCode::kManifest);
  };
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0 || ::access(file.c_str(), W_OK) != 0) return failed(errno);
  std::string fresh = file.string() + ".XXXXXX";
  const Fd fd(::mkostemp(fresh.data(), O_CLOEXEC));
  if (!fd) return failed(errno);
  const bool done = ::fchmod(fd.get(), info.st_mode & 07777) == 0 && write_all(fd.get(), text) &&
                    ::fsync(fd.get()) == 0 && ::rename(fresh.c_str(), file.c_str()) == 0;
  if (done) return {};
  const int problem = errno;
  ::unlink(fresh.c_str());
  return failed(problem);
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
  std::ifstream in(*file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto edited = with_ignored(text, file->string(), *bottle, fingerprint);
  if (!edited) return edited.error();
  if (!*edited) {
    context.err << "bottle: " << file->string() << " has it already\n";
    return 0;
  }
  if (auto written = replace_file(*file, **edited); !written) return std::move(written.error());
  context.err << "bottle: wrote the fingerprint to " << file->string() << "; the bottle \""
              << *bottle << "\" lets this value out from its next start on\n";
  return 0;
}

}  // namespace bottle::launcher
