#include "launcher/lifetime/known_manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "launcher/process/process.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {
namespace {

constexpr const char* kKnown = "manifest";

std::optional<std::string> text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

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
  if (const auto text = text_of(manifest)) remember_manifest(state, *text);
}

std::optional<std::string> known_manifest(const std::filesystem::path& state) {
  return text_of(state / kKnown);
}

}  // namespace bottle::launcher
