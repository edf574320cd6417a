#include "launcher/backend/local/file_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>

#include "launcher/backend/local/added_file.h"
#include "launcher/backend/local/firefox_mounts.h"
#include "launcher/manifest/trust_env.h"
#include "launcher/plan/home_folder.h"
#include "launcher/plan/java_trust_store.h"
#include "launcher/plan/nss_store.h"
#include "launcher/plan/profile_text.h"
#include "launcher/plan/share_rules.h"
#include "launcher/process/process.h"

namespace bottle::launcher::local {
namespace {

namespace fs = std::filesystem;
using Kind = PlannedMount::Kind;

// The system: what programs need to run. Everything else of the host is not there.
constexpr std::array<const char*, 11> kSystem{"/usr",   "/bin",       "/sbin",   "/lib",
                                              "/lib32", "/lib64",     "/libx32", "/etc",
                                              "/opt",   "/nix/store", "/snap"};
constexpr std::array<const char*, 6> kPrivate{"/tmp", "/var",  "/var/tmp",
                                              "/run", "/home", "/home/agent"};
constexpr std::size_t kMaxLooked = 20'000;  // files of /etc that are looked at
constexpr std::size_t kMaxHidden = 500;     // bwrap takes 9000 arguments

// A file that other users may not read is someone's secret. As root the agent could read it all.
Expected<void> hide_secrets(const fs::path& directory, int depth, std::vector<PlannedMount>& out) {
  std::size_t looked = 0;
  std::size_t hidden = 0;
  std::error_code ec;
  fs::recursive_directory_iterator at(directory, fs::directory_options::skip_permission_denied, ec);
  for (; !ec && at != fs::recursive_directory_iterator(); at.increment(ec)) {
    if (++looked > kMaxLooked || hidden > kMaxHidden) {
      return Error{ExitCode::kIsolation,
                   directory.string() + " has too many files to find those that must be hidden",
                   ""};
    }
    struct stat info{};
    if (::lstat(at->path().c_str(), &info) != 0) continue;
    const bool is_directory = S_ISDIR(info.st_mode);
    const mode_t open = is_directory ? (S_IROTH | S_IXOTH) : S_IROTH;
    const bool secret = (is_directory || S_ISREG(info.st_mode)) && (info.st_mode & open) != open;
    if (secret) {
      out.push_back({Kind::kHidden, is_directory ? "directory" : "file", at->path().string()});
      ++hidden;
    }
    if (is_directory && (secret || at.depth() >= depth)) at.disable_recursion_pending();
  }
  return {};
}

std::string unresolved_target(const fs::path& link) {
  std::error_code ec;
  const auto target = fs::read_symlink(link, ec);
  if (ec) return link.string();
  return (link.parent_path() / target).lexically_normal().string();
}

// Where a bind over `path` must really be made: a link's target, even when that does not exist
// (/etc/resolv.conf often points into /run, which is empty in the bottle).
std::string bind_point(const fs::path& path) {
  std::error_code ec;
  const auto real = fs::canonical(path, ec);
  return ec ? unresolved_target(path) : real.string();
}

Expected<void> add_mounts(const BottleSpec& spec, std::vector<PlannedMount>& out) {
  for (const auto& mount : spec.mounts) {
    const std::string where = "the mount of line " + std::to_string(mount.place.line) + ":";
    const auto real = shared_source(mount, spec.around);
    if (!real) return real.error();
    std::error_code ec;
    const bool in_system = std::any_of(kSystem.begin(), kSystem.end(), [&mount](const char* dir) {
      return is_below(mount.at, dir);
    });
    if (in_system && !fs::exists(mount.at, ec)) {
      return Error{ExitCode::kManifest,
                   where + " " + mount.at + " is in a read-only directory and does not exist there",
                   "choose another \"at\", for example below /home/agent"};
    }
    out.push_back({mount.read_only ? Kind::kReadOnly : Kind::kWritable, real->string(), mount.at});
  }
  return {};
}

void add_generated(const Plan& plan, std::vector<PlannedMount>& out) {
  std::error_code ec;
  out.push_back({Kind::kGenerated, kTrustName, std::string(kTrustDirectory)});
  // Not into a home of the caller's.
  for (const auto directory : {kNssDirectory, kNssWithoutHome}) {
    if (!covers(out, directory)) out.push_back({Kind::kOwned, kNssName, std::string(directory)});
  }
  std::set<std::string> done;
  for (const auto file : system_bundle_files()) {
    if (!fs::exists(fs::path(file), ec)) continue;
    const std::string point = bind_point(fs::path(file));
    if (done.insert(point).second) out.push_back({Kind::kGenerated, kBundleName, point});
  }
  for (const auto file : system_java_stores()) {
    if (!plan.java || !fs::exists(fs::path(file), ec)) continue;
    const std::string point = bind_point(fs::path(file));
    if (done.insert(point).second) out.push_back({Kind::kGenerated, kJavaStoreName, point});
  }
  add_firefox_policy(out);
  if (const auto folder = fs::canonical(kProfileDirectory, ec); !ec) {
    add_file_to(folder, kProfileName, kShellProfileName, out);
  }
  for (const auto& [path, name] :
       {std::pair{"/etc/resolv.conf", kResolvConfName}, std::pair{"/etc/hosts", kHostsName},
        std::pair{"/etc/passwd", kPasswdName}}) {
    if (fs::symlink_status(path, ec).type() == fs::file_type::not_found) continue;
    out.push_back({Kind::kGenerated, name, bind_point(path)});
  }
  // The agent must not write its own next policy.
  if (!plan.manifest.empty()) {
    const auto real = fs::weakly_canonical(plan.manifest, ec);
    if (is_below(real, plan.workspace)) {
      out.push_back({Kind::kReadOnly, real.string(), real.string()});
    }
  }
}

}  // namespace

Expected<std::vector<PlannedMount>> plan_files(const BottleSpec& spec, const Plan& plan) {
  std::vector<PlannedMount> out;
  std::error_code ec;
  for (const fs::path directory : kSystem) {
    if (fs::is_symlink(directory, ec)) {
      out.push_back({Kind::kSymlink, fs::read_symlink(directory, ec).string(), directory.string()});
    } else if (fs::is_directory(directory, ec)) {
      out.push_back({Kind::kReadOnly, directory.string(), directory.string()});
    }
  }
  if (auto hidden = hide_secrets("/etc", 6, out); !hidden) return std::move(hidden.error());
  if (fs::is_directory("/opt", ec)) {
    if (auto hidden = hide_secrets("/opt", 1, out); !hidden) return std::move(hidden.error());
  }
  for (const std::string directory : kPrivate) {
    if (directory == kAgentHome && !plan.home.empty()) {
      out.push_back({Kind::kHome, (plan.home / kHomeName).string(), directory});
    } else {
      out.push_back({Kind::kPrivate, "", directory});
    }
  }
  out.push_back({Kind::kSymlink, "/run", "/var/run"});

  const auto& workspace = plan.workspace;
  if (auto may = may_share(workspace, "the workspace", spec.around); !may) {
    may.error().hint = "run bottle in a project's directory";
    return std::move(may.error());
  }
  out.push_back({Kind::kWritable, workspace.string(), workspace.string()});
  out.insert(out.end(), plan.held.mounts.begin(), plan.held.mounts.end());
  if (auto added = add_mounts(spec, out); !added) return std::move(added.error());
  for (const auto& login : plan.logins) {
    if (login.mounted.empty())
      out.push_back({Kind::kOwned, login.runtime_name(), login.at.string()});
  }
  add_generated(plan, out);
  return out;
}

namespace {

constexpr int kMaxLinks = 16;  // of a chain in the home; the kernel follows 40

// Links of a kept home are the agent's, and mean files of the bottle.
fs::path seen_through_links(const std::vector<PlannedMount>& mounts, fs::path path) {
  for (int links = 0; links < kMaxLinks; ++links) {
    const auto host = seen_on_host(mounts, path);
    std::error_code ec;
    if (!is_below(path, fs::path(kAgentHome)) || !fs::is_symlink(host, ec)) return host;
    path = (path.parent_path() / fs::read_symlink(host, ec)).lexically_normal();
  }
  return {};
}

}  // namespace

fs::path seen_on_host(const std::vector<PlannedMount>& mounts, const fs::path& path) {
  for (auto at = mounts.rbegin(); at != mounts.rend(); ++at) {
    if (!is_below(path, at->at)) continue;
    const auto rest = path.lexically_relative(at->at);
    switch (at->kind) {
      case Kind::kReadOnly:
      case Kind::kWritable:
      case Kind::kHome:
        return rest == "." ? fs::path(at->source) : fs::path(at->source) / rest;
      case Kind::kSymlink:
        return seen_on_host(
            mounts, (fs::path(at->at).parent_path() / at->source / rest).lexically_normal());
      case Kind::kPrivate:
      case Kind::kHidden:
      case Kind::kGenerated:
      case Kind::kOwned:
        return {};
    }
  }
  return {};
}

namespace {

// The program that a script's first line names, when the bottle does not have it.
std::optional<std::string> missing_interpreter(const Plan& plan, const fs::path& script) {
  std::array<char, 256> begin{};  // as much as the kernel looks at
  std::ifstream in(script, std::ios::binary);
  in.read(begin.data(), begin.size());
  const std::string text(begin.data(), static_cast<std::size_t>(in.gcount()));
  if (!text.starts_with("#!")) return std::nullopt;
  const std::string line = text.substr(2, text.find('\n') - 2);
  const auto first = line.find_first_not_of(" \t");
  if (first == std::string::npos) return std::nullopt;
  const auto end = line.find_first_of(" \t\r", first);
  const std::string name = line.substr(first, end == std::string::npos ? end : end - first);
  if (!name.starts_with("/")) return std::nullopt;
  const auto host = seen_on_host(plan.mounts, name);
  std::error_code ec;
  if (!host.empty() && fs::exists(host, ec)) return std::nullopt;
  return name;
}

Expected<void> check_interpreter(const Plan& plan, const fs::path& script) {
  const auto missing = missing_interpreter(plan, script);
  if (!missing) return {};
  return Error{ExitCode::kCommandNotRunnable,
               script.string() + " needs the interpreter " + *missing +
                   ", which does not exist in the bottle",
               "install that below /usr or /opt, or start the script with another program"};
}

}  // namespace

Expected<void> check_command(const Plan& plan, const std::string& callers_path) {
  const std::string& name = plan.command.front();
  std::error_code ec;
  if (name.find('/') != std::string::npos) {
    const auto inside = (plan.directory / name).lexically_normal();
    const auto host = seen_through_links(plan.mounts, inside);
    if (host.empty() || !fs::exists(host, ec)) {
      return Error{ExitCode::kCommandNotFound, inside.string() + " does not exist in the bottle",
                   "only the system, the workspace and the manifest's mounts are there"};
    }
    if (find_program(host.string(), "")) return check_interpreter(plan, host);
    return Error{ExitCode::kCommandNotRunnable, inside.string() + " is not a program",
                 "is it executable? chmod +x, or name its interpreter"};
  }
  const auto& path = plan.environment.at("PATH");
  const auto* const text = std::get_if<std::string>(&path);
  std::istringstream in(text == nullptr ? std::string() : *text);
  for (std::string entry; std::getline(in, entry, ':');) {
    const auto host = seen_through_links(plan.mounts, fs::path(entry) / name);
    if (!host.empty() && find_program(host.string(), "")) return check_interpreter(plan, host);
  }
  Error error{ExitCode::kCommandNotFound, name + " was not found in the bottle",
              "install it on this machine (below /usr or /opt)"};
  if (const auto outside = find_program(name, callers_path)) {
    error.message += "; on this machine it is " + *outside + ", which the bottle does not have";
    error.hint = "add its directory to \"mounts\" in a manifest, and PATH to \"env\"";
  }
  return error;
}

}  // namespace bottle::launcher::local
