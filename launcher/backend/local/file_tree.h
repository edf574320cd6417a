#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/plan/plan.h"
#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// The agent's file system, in the order in which it is mounted: the host's system
// directories read-only without what only some users may read there, an empty /home, /tmp, /run and
// /var, the workspace and the manifest's mounts, and the bottle's own files over the host's.
// Fails when the workspace or a mount would give away what the bottle exists to keep.
Expected<std::vector<PlannedMount>> plan_files(const BottleSpec& spec, const Plan& plan);

// The path on the host of what is at `path` in the bottle, or empty when nothing is there.
std::filesystem::path seen_on_host(const std::vector<PlannedMount>& mounts,
                                   const std::filesystem::path& path);

// Fails (126, 127) when the command cannot be run in the bottle, and says where it is on the host.
Expected<void> check_command(const Plan& plan, const std::string& callers_path);

// Names of the files in the runtime directory that kGenerated mounts come from.
inline constexpr const char* kTrustName = "trust";  // a directory: the CA, the bundle, Java's store
inline constexpr const char* kBundleName = "trust/ca-bundle.pem";
inline constexpr const char* kCaName = "trust/ca.pem";
inline constexpr const char* kJavaStoreName = "trust/truststore.jks";
inline constexpr const char* kGitConfigName = "trust/gitconfig";
inline constexpr const char* kShellProfileName = "trust/profile.sh";
inline constexpr const char* kFirefoxName = "trust/policies.json";
inline constexpr const char* kNssName = "nssdb";  // a directory of the agent's own
inline constexpr const char* kResolvConfName = "resolv.conf";
inline constexpr const char* kHostsName = "hosts";
inline constexpr const char* kPasswdName = "passwd";
inline constexpr const char* kEmptyName = "empty";  // lies over files that are kHidden

}  // namespace bottle::launcher::local
