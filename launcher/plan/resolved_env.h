#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "launcher/manifest/manifest.h"
#include "launcher/plan/placeholder.h"
#include "launcher/plan/secret.h"
#include "launcher/plan/secret_source.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct FileValue {
  std::string text;      // without the last line end
  bool exposed = false;  // others than its owner may read it
};

// Where values come from: the world behind functions, so that tests need none.
struct EnvSources {
  // The caller's variable; nullopt when it is not set.
  std::function<std::optional<std::string>(const std::string& name)> host;
  // Asks a person, without echo. Not called for a plan that is only printed.
  std::function<Expected<std::string>(const std::string& question)> prompt;
  // The content of a file; a path may begin with ~/ and is relative to the manifest otherwise.
  std::function<Expected<FileValue>(const std::string& path)> file;
  // Called for values that are kept out of the bottle.
  std::function<Expected<PlaceholderSource>()> placeholders = {};
  // The token that a command of this machine prints, for the variable `name`. Not called for a plan
  // that is only printed.
  std::function<Expected<std::string>(const std::string& name,
                                      const std::vector<std::string>& command)>
      command{};
  // The absolute path that a file's, or a program's with a slash, means.
  std::function<std::string(const std::string& path)> place = [](const std::string& path) {
    return path;
  };
};

// A credential and the hosts that may receive it: what the proxy's guard is told.
struct KnownSecret {
  std::string name;
  Secret value;
  std::vector<std::string> hosts;
  // The agent has this in the value's place, and the proxy puts the value there, in the parts of a
  // request that `in` names. nullopt: the agent has the value.
  std::optional<Secret> placeholder{};
  std::vector<std::string> in{};
};

// The final pairs that a manifest's "env" gives, independent of the backend.
struct ResolvedEnv {
  std::map<std::string, std::variant<std::string, Secret>> values;
  // Secrets long enough to look for in traffic (kShortestKnownSecret).
  std::vector<KnownSecret> secrets;
  std::vector<SecretSource> sources{};  // of those that are kept out
  std::vector<std::string> notes;       // for the plan: what a reader should know, without values
  // The caller's variables with values that are kept out of the bottle: nothing else needs them.
  std::vector<std::string> taken;
};

// A shorter value would be found by chance in innocent traffic.
inline constexpr std::size_t kShortestKnownSecret = 8;

enum class Prompting { kAsk, kLater };  // kLater: the value stays unknown, as for a dry run

Expected<ResolvedEnv> resolve_env(const std::map<std::string, EnvValue>& env,
                                  const EnvSources& sources, Prompting prompting);

// A newer value from where the first one came, now. Asks, if it is a prompt.
Expected<std::string> newer_value(const SecretSource& source, const EnvSources& sources);

// The well-known credentials that are set here, that `allow` opens a home for, and that `env` does
// not have: probably forgotten.
std::vector<std::string> left_out(const ResolvedEnv& env, const std::vector<std::string>& allow,
                                  const EnvSources& sources);

// The real sources: this process's environment, the controlling terminal, the file system. The
// caller adds `placeholders`.
EnvSources host_sources(const std::filesystem::path& manifest_directory,
                        const std::filesystem::path& home);

// "~/x" under `home`, a relative path under `base`.
std::filesystem::path expand_path(const std::string& path, const std::filesystem::path& base,
                                  const std::filesystem::path& home);

}  // namespace bottle::launcher
