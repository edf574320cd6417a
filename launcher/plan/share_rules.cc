#include "launcher/plan/share_rules.h"

#include <array>

#include "launcher/plan/plan.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

// No workspace and no mount may be one of these or hold one of these.
// (/tmp and /var are full of sockets, and a socket is a way around the proxy.)
constexpr std::array<const char*, 15> kNeverShared{
    "/",    "/boot", "/etc",     "/usr",     "/usr/local", "/opt", "/root", "/home",
    "/tmp", "/var",  "/var/lib", "/var/tmp", "/srv",       "/mnt", "/media"};

Error not_shared(const fs::path& path, const std::string& what, const std::string& why) {
  return Error{ExitCode::kIsolation, what + " " + path.string() + " cannot be shared: " + why,
               "share a directory below it"};
}

}  // namespace

Expected<void> may_share(const fs::path& path, const std::string& what,
                         const Surroundings& around) {
  std::error_code ec;
  if (path == fs::weakly_canonical(around.home, ec)) {
    return not_shared(path, what, "it is your home directory, with your credentials");
  }
  for (const fs::path kept : kNeverShared) {
    if (path == kept) return not_shared(path, what, "it belongs to the system");
  }
  for (const fs::path tree : {"/proc", "/sys", "/dev", "/run"}) {
    if (is_below(path, tree)) return not_shared(path, what, "it belongs to the system");
  }
  if (!around.home.empty() && is_below(fs::weakly_canonical(around.home, ec), path)) {
    return not_shared(path, what, "it holds your home directory, with your credentials");
  }
  return {};
}

Expected<fs::path> shared_source(const Mount& mount, const Surroundings& around) {
  const std::string where = "the mount of line " + std::to_string(mount.place.line) + ":";
  std::error_code ec;
  auto real = fs::canonical(mount.host, ec);
  if (ec) {
    return Error{ExitCode::kManifest, where + " " + mount.host + " does not exist on this machine",
                 "correct \"host\" in the manifest, or remove the mount"};
  }
  if (fs::is_socket(real, ec)) {
    return not_shared(real, where, "a socket would be a way around the proxy");
  }
  if (auto may = may_share(real, where, around); !may) return std::move(may.error());
  return real;
}

}  // namespace bottle::launcher
