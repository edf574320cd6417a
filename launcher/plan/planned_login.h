#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "launcher/manifest/manifest.h"
#include "launcher/plan/login_client.h"
#include "launcher/plan/secret.h"
#include "proxy/contract/error.h"
#include "proxy/contract/login_store.h"

namespace bottle::launcher {

struct Surroundings;  // spec.h

// A login that a bottle uses: the proxy gets the place where it is kept, the agent a file with
// placeholders.
struct PlannedLogin {
  const LoginClient* client = nullptr;
  LoginSpec spec;
  std::string file;          // the text of the agent's file
  std::filesystem::path at;  // the agent's folder in the bottle
  // The folder of this machine that is mounted there and that the file is written to. Empty: the
  // bottle has one of its own.
  std::filesystem::path mounted;

  std::string runtime_name() const { return "login-" + std::string(client->name); }
};

// Where the logins are kept: $XDG_DATA_HOME/bottle/logins, else ~/.local/share/bottle/logins.
Expected<std::filesystem::path> logins_base(const Surroundings& around);
Expected<LoginStore> login_store(const LoginClient& client, const Surroundings& around);
// A store's Error, whose code is one of bottle-proxy's, as the launcher's.
Error of_store(Error error);

// Reads the logins of `names`; `variables` are the bottle's, in which one may name the agent's
// folder, and `mounts` have absolute host paths. Changes nothing. An Error if one is not there, if
// a shared folder holds the logins, or if the agent's folder is mounted and cannot be written to or
// has another login in it.
Expected<std::vector<PlannedLogin>> plan_logins(const std::vector<std::string>& names,
                                                const std::map<std::string, EnvValue>& variables,
                                                const std::vector<Mount>& mounts,
                                                const std::filesystem::path& workspace,
                                                const Surroundings& around);

// Writes the agent's file into its folder of this machine: `mounted`, or the bottle's own.
Expected<void> write_login(const PlannedLogin& login, const std::filesystem::path& folder);

}  // namespace bottle::launcher
