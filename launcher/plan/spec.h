#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launcher/manifest/manifest.h"
#include "launcher/plan/parent_plan.h"
#include "launcher/plan/planned_login.h"
#include "launcher/plan/resolved_env.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// `bottle start …` as typed.
struct StartOptions {
  std::optional<std::string> name;  // a bottle or an agent of the manifest
  std::optional<std::string> manifest;
  std::optional<std::string> backend;
  std::optional<std::string> home;  // "private" or "kept"
  bool dry_run = false;
  bool quiet = false;
  bool ask = false;
  std::optional<std::string> ask_command;  // for sh -c
  bool learn = false;
  bool detach = false;  // the command runs on behind the caller
  bool check = false;   // `bottle doctor` in the bottle before the command
  std::vector<std::string> allow;
  std::vector<std::string> allow_addresses;
  std::vector<std::string> resolve;  // HOST:PORT=ADDR:PORT, for stand-in origins
  std::vector<std::string> limits;   // NAME=NUMBER, of bottle-proxy
  std::vector<std::string> ports;    // of the bottle: 3000, 3000:8080
  std::optional<std::string> publish_address;
  std::optional<std::string> memory;  // of the bottle's processes: "8g"
  std::optional<std::string> cpus;
  std::optional<std::string> pids;
  std::vector<std::string> on_secret;  // HOST=WORD, or WORD
  std::vector<std::string> responses;  // the same
  std::vector<std::string> opaque;     // the same
  bool show_all = false;
  std::optional<std::string> scanner;
  std::optional<std::string> pipelock_url;
  std::optional<std::string> pipelock_bin;
  std::optional<std::string> parent;  // http://[USER@]HOST:PORT
  std::optional<std::string> origin_ca;
  std::optional<std::string> audit;
  std::optional<std::string> audit_copy;  // of bottle-proxy
  std::vector<std::string> arguments;     // after an agent's name: added to its command
  std::vector<std::string> command;       // after --
};

// The caller's surroundings, as a value so that tests can make them up.
struct Surroundings {
  std::filesystem::path directory;  // where `bottle` was called
  std::filesystem::path home;
  std::map<std::string, std::string> env;

  std::optional<std::string> variable(const std::string& name) const;
  static Expected<Surroundings> of_this_process();
};

// A choice of the user's, and the words to explain it.
struct Choice {
  std::string value;
  std::string why;
};

// One bottle to be made: the manifest and the command line merged, all paths absolute. A value.
struct BottleSpec {
  std::string name{};                // the manifest's bottle, or "default"
  std::filesystem::path manifest{};  // empty: none
  Surroundings around{};
  std::optional<std::string> host_path{};  // PATH for programs of the host: host_path.h
  std::optional<Choice> backend{};         // nullopt: not asked for
  HomeKind home = HomeKind::kPrivate;
  Scanner scanner = Scanner::kGuard;
  std::string scanner_why{};
  std::optional<std::string> pipelock_url{};
  std::optional<std::string> pipelock_bin{};
  std::optional<std::string> image{};  // the agent's image, where a backend has images
  std::filesystem::path workspace{};
  std::vector<std::string> command{};
  std::vector<std::string> allow{};
  std::vector<std::string> allow_options{};  // of `allow`, those of the command line
  std::vector<std::string> allow_addresses{};
  std::vector<std::string> resolve{};
  std::map<std::string, std::string> routes{};
  std::optional<ParentPlan> parent{};
  std::map<std::string, std::string> limits{};  // of bottle-proxy: name and number
  ResourceLimits resources{};
  GuardEntry guard{};
  OriginEntry origins{};
  AskEntry ask{};
  std::vector<PlannedLogin> logins{};
  ResolvedEnv env{};
  std::vector<Mount> mounts{};  // host paths absolute
  std::vector<PortRule> ports{};
  std::string publish_address{"127.0.0.1"};  // of the host, for these ports
  ProtectEntry protect{};
  bool sign = false;  // git's commits, outside of the bottle
  std::optional<std::filesystem::path> origin_ca{};
  std::optional<std::filesystem::path> audit{};
  std::optional<std::string> audit_copy{};
  bool quiet = false;

  // Where programs that the launcher runs on the host are looked for.
  [[nodiscard]] std::string path_of_host() const {
    return host_path.value_or(around.variable("PATH").value_or(""));
  }
};

// The meanings of the first word after `bottle start`. An agent or a bottle of the manifest comes
// before a program of the same name.
enum class WordMeaning {
  kEntry,    // of the manifest; also if that cannot be read, so that its error is what is seen
  kCommand,  // a program: found in PATH, or a path
  kNeither,
};
WordMeaning meaning_of_word(const StartOptions& options, const std::string& word,
                            const Surroundings& around);

// Reads the manifest (named, or found from the current directory upwards) and merges. Lists of the
// command line are added to the manifest's, single values replace it. Asks for prompted values
// unless it is a dry run.
Expected<BottleSpec> make_spec(const StartOptions& options, const Surroundings& around);

}  // namespace bottle::launcher
