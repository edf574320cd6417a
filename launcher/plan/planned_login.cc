#include "launcher/plan/planned_login.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHome = "/home/agent";

fs::path folder_in_bottle(const LoginClient& client,
                          const std::map<std::string, EnvValue>& variables) {
  const auto named = variables.find(std::string(client.folder_variable));
  if (named != variables.end() && named->second.source == EnvValue::Source::kLiteral &&
      named->second.text.starts_with("/")) {
    return fs::path(named->second.text).lexically_normal();
  }
  return fs::path(kHome) / client.folder;
}

// The last mount that covers a place is the one that is seen there.
const Mount* mount_over(const std::vector<Mount>& mounts, const fs::path& place) {
  const Mount* found = nullptr;
  for (const Mount& mount : mounts) {
    if (is_below(place, mount.at)) found = &mount;
  }
  return found;
}

Error in_the_way(const fs::path& file, const LoginClient& client) {
  const std::string name(client.name);
  return Error{ExitCode::kManifest,
               file.string() +
                   " holds a login that the agent could read, and \"login\" is to keep "
                   "it out",
               "take it out: bottle login --import " + name + " --file " + file.string() +
                   " && rm " + file.string()};
}

Expected<void> check_mounted(const PlannedLogin& login, const Mount& mount) {
  const std::string name(login.client->name);
  if (mount.read_only) {
    return Error{ExitCode::kManifest,
                 "the mount of line " + std::to_string(mount.place.line) + ": the login " + name +
                     " needs " + login.at.string() + " to be writable",
                 "set \"read_only\": false, or mount another folder"};
  }
  std::error_code ec;
  if (!fs::is_directory(login.mounted, ec)) {
    return Error{ExitCode::kManifest,
                 login.mounted.string() + " is to hold the login of " +
                     std::string(login.client->title) + ", and is no directory",
                 "mkdir -p " + login.mounted.string()};
  }
  const fs::path file = login.mounted / login.client->file;
  std::ifstream in(file, std::ios::binary);
  if (!in) return {};
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (has_placeholders(*login.client, text) || !login_in(*login.client, text)) return {};
  return in_the_way(file, *login.client);
}

Expected<void> check_apart(const fs::path& shared, const fs::path& base) {
  std::error_code ec;
  const auto real = fs::weakly_canonical(shared, ec);
  const auto kept = fs::weakly_canonical(base, ec);
  if (!is_below(kept, real) && !is_below(real, kept)) return {};
  return Error{ExitCode::kIsolation,
               shared.string() + " cannot be shared: your logins are kept in " + kept.string(),
               "share another folder"};
}

Expected<PlannedLogin> plan_login(const std::string& name,
                                  const std::map<std::string, EnvValue>& variables,
                                  const std::vector<Mount>& mounts, const Surroundings& around) {
  const LoginClient* const client = find_login_client(name);
  if (client == nullptr) {
    return Error{ExitCode::kManifest, "there is no login of the name \"" + name + "\"",
                 "there are: " + login_client_names()};
  }
  auto store = login_store(*client, around);
  if (!store) return store.error();
  if (!store->exists()) {
    return Error{ExitCode::kEnvironment, "bottle has no login for " + std::string(client->title),
                 "bottle login " + name + " logs in; bottle login --import " + name +
                     " takes the one that " + std::string(client->title) + " has on this machine"};
  }
  const auto stored = store->read();
  if (!stored) return of_store(stored.error());
  auto text = client_file(*client, *stored);
  if (!text) return text.error();
  PlannedLogin login{.client = client,
                     .spec = LoginSpec{.name = name,
                                       .store = std::move(*store),
                                       .hosts = {client->hosts.begin(), client->hosts.end()},
                                       .token_host = std::string(client->token_host),
                                       .token_path = std::string(client->token_path),
                                       .placeholders = stored->placeholders},
                     .file = std::move(*text),
                     .at = folder_in_bottle(*client, variables),
                     .mounted = {}};
  if (const Mount* const mount = mount_over(mounts, login.at)) {
    const auto rest = login.at.lexically_relative(mount->at);
    login.mounted = rest == "." ? fs::path(mount->host) : fs::path(mount->host) / rest;
    if (auto checked = check_mounted(login, *mount); !checked) return checked.error();
  }
  return login;
}

}  // namespace

Expected<fs::path> logins_base(const Surroundings& around) {
  const auto xdg = around.variable("XDG_DATA_HOME");
  if (xdg && xdg->starts_with("/")) return fs::path(*xdg) / "bottle" / "logins";
  if (!around.home.empty() && around.home != "/") {
    return around.home / ".local" / "share" / "bottle" / "logins";
  }
  return Error{ExitCode::kSystem, "there is no place for logins: HOME is not set, or is /",
               "set HOME or XDG_DATA_HOME"};
}

Error of_store(Error error) {
  error.code = ExitCode::kEnvironment;
  return error;
}

Expected<LoginStore> login_store(const LoginClient& client, const Surroundings& around) {
  const auto base = logins_base(around);
  if (!base) return base.error();
  return LoginStore(*base / client.name);
}

Expected<std::vector<PlannedLogin>> plan_logins(const std::vector<std::string>& names,
                                                const std::map<std::string, EnvValue>& variables,
                                                const std::vector<Mount>& mounts,
                                                const fs::path& workspace,
                                                const Surroundings& around) {
  std::vector<PlannedLogin> out;
  if (names.empty()) return out;
  const auto base = logins_base(around);
  if (!base) return base.error();
  if (auto apart = check_apart(workspace, *base); !apart) return apart.error();
  for (const Mount& mount : mounts) {
    if (auto apart = check_apart(mount.host, *base); !apart) return apart.error();
  }
  for (const std::string& name : names) {
    auto login = plan_login(name, variables, mounts, around);
    if (!login) return login.error();
    out.push_back(std::move(*login));
  }
  return out;
}

Expected<void> write_login(const PlannedLogin& login, const fs::path& folder) {
  const fs::path file = folder / login.client->file;
  std::string fresh = (folder / ".bottle-login-XXXXXX").string();
  const Fd fd(::mkostemp(fresh.data(), O_CLOEXEC));  // mode 0600
  const bool written = fd && write_all(fd.get(), login.file);
  if (written && ::rename(fresh.c_str(), file.c_str()) == 0) return {};
  const int problem = errno;
  if (fd) ::unlink(fresh.c_str());
  return system_error("cannot write " + file.string(), problem);
}

}  // namespace bottle::launcher
