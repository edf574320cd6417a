#include "launcher/lifetime/known_manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "launcher/process/plain_text.h"
#include "launcher/process/process.h"
#include "launcher/process/regular_file.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {
namespace {

constexpr const char* kKnown = "manifest";

}  // namespace

void remember_manifest(const std::filesystem::path& state, const std::string& text) {
  std::string fresh = (state / kKnown).string() + ".XXXXXX";
  const Fd fd(::mkostemp(fresh.data(), O_CLOEXEC));
  if (!fd) return;
  const bool done =
      write_all(fd.get(), text) && ::rename(fresh.c_str(), (state / kKnown).c_str()) == 0;
  if (!done) ::unlink(fresh.c_str());
}

void copy_manifest(const std::filesystem::path& state, const std::filesystem::path& manifest) {
  if (const auto text = regular_text(manifest)) remember_manifest(state, *text);
}

std::optional<std::string> known_manifest(const std::filesystem::path& state) {
  auto text = regular_text(state / kKnown);
  if (!text) return std::nullopt;
  return std::move(*text);
}

Expected<void> check_known(const std::filesystem::path& state, const std::filesystem::path& file,
                           const std::string& text, const std::string& hint) {
  constexpr std::size_t kMaxPath = 4096;  // in a message
  if (known_manifest(state) == text) return {};
  return Error{ExitCode::kManifest,
               printable(file.string(), kMaxPath) +
                   " is not the one that the bottle was started with, and is left as it is",
               hint};
}

}  // namespace bottle::launcher
