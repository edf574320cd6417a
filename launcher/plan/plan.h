#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// One thing in the agent's file tree.
struct PlannedMount {
  enum class Kind {
    kReadOnly,   // host path, cannot be changed from inside
    kWritable,   // host path, changes are real
    kHome,       // the kept home: a writable host path
    kPrivate,    // an empty directory that vanishes with the bottle
    kSymlink,    // `source` is the link's text
    kHidden,     // stands over something of the host that the agent must not read
    kGenerated,  // a file that the launcher writes at the start; `source` is its name
    kOwned,      // the same, a directory: the agent may change it, and it vanishes with the bottle
  };
  Kind kind;
  std::string source;
  std::string at;
};

// The person's own program and key for commits of the bottle's git; see git_sign.h.
struct SignPlan {
  std::string program;       // on the host
  bool ssh = true;           // else OpenPGP
  std::string key;           // a file of ssh-keygen's, or a name that gpg knows
  std::string public_key{};  // of ssh, if it is no file; an ssh-agent has the other half
};

// Of a workspace that belongs to a git repository; see git_workspace.h and git_settings.h.
struct GitPlan {
  std::filesystem::path top{};  // of the work tree whose repository is mounted; empty: none
  bool is_inside = false;       // the workspace holds its repository
  bool keeps_config = false;    // a repository's configuration is read-only
  std::vector<std::string> notes{};
  std::string config{};  // git's configuration of the system in the bottle
  std::optional<SignPlan> sign{};
  std::vector<std::pair<std::string, std::string>> overrides{};  // settings over all files
};

// Read-only parts of the workspace and its repository; see held_files.h.
struct HeldPlan {
  std::vector<PlannedMount> mounts{};  // after the workspace, parents before what they hold
  // Empty files and directories that the launch makes, because they are mounted read-only.
  std::vector<std::filesystem::path> made{};
  std::vector<std::filesystem::path> never_there{};  // files that the agent must not have made
  std::vector<std::filesystem::path> watched{};      // told at the end if they changed
  ProtectEntry protect{};
};

struct ProxyPlan {
  // bottle-proxy on this machine: a bottle of processes runs it, every start has it check the
  // arguments. Empty: there is none.
  std::string here;
  // Without --listen, --ca-out, --bundle-out and --secrets, which are known at the launch only.
  std::vector<std::string> arguments;
};

// The part of a pipelock that the launcher starts itself which differs from bottle to bottle. Which
// hosts there are is bottle-proxy's to say, since that changes while the bottle runs: nothing
// answers pipelock but the exit, and that lets out what was admitted.
struct PipelockPlan {
  std::vector<std::string> addresses;     // private ranges that are open
  std::vector<std::uint16_t> exit_ports;  // where the exit listens: the ports of the allowlist
};
inline constexpr std::size_t kMaxExitPorts = 16;  // bottle-proxy takes so many places

// A bottle of processes, which runs this machine's own programs.
struct ProcessPlan {
  std::string pipelock{};  // the program; empty: no pipelock of the bottle's own
};

// A bottle of containers, which has its programs in images.
struct ContainerPlan {
  std::string image;  // the agent's
  std::string proxy_image;
  std::string pipelock_image;        // empty: no pipelock of the bottle's own
  std::vector<std::string> missing;  // images that are fetched first
  unsigned uid = 0;                  // of the agent
  unsigned gid = 0;
  bool terminal = false;                // the agent gets one
  std::string java_tool_options{};      // the value that the manifest gives that variable
  std::vector<std::string> commands{};  // the commands of the launch, for people; a line each
};

// Everything that a launch will do, decided. A value: computing it changes nothing, printing it
// (`--dry-run`) is honest, and a launch decides nothing more.
struct Plan {
  std::string id;
  std::string backend;
  std::string backend_why;
  Scanner scanner = Scanner::kGuard;
  std::string scanner_why;
  std::string bottle;
  std::filesystem::path manifest;  // empty: none
  std::filesystem::path workspace;
  std::filesystem::path directory;  // where the command starts: in the workspace or below it
  std::vector<std::string> command;
  std::map<std::string, std::variant<std::string, Secret>> environment;
  std::vector<KnownSecret> secrets;
  std::vector<SecretSource> sources{};  // of those that are kept out
  std::vector<PlannedLogin> logins;
  std::vector<std::string> allow;
  std::vector<std::string> allow_options{};  // of `allow`, those of the command line
  std::vector<std::string> allow_addresses;
  std::map<std::string, std::string> routes;
  ResourceLimits resources{};
  std::vector<PortRule> ports{};  // opened on the host, at publish_address
  std::string publish_address{};
  GuardEntry guard;
  OriginEntry origins{};
  AskEntry ask{};
  std::vector<PlannedMount> mounts;  // in the order in which they are made
  std::filesystem::path home{};      // the folder of the kept home; empty: the home is private
  GitPlan git{};
  HeldPlan held{};
  std::vector<std::string> notes;
  ProxyPlan proxy;
  std::optional<PipelockPlan> pipelock;
  std::optional<std::string> pipelock_url;
  std::variant<ProcessPlan, ContainerPlan> made_of;
  std::optional<ParentPlan> parent{};
  std::optional<std::filesystem::path> origin_ca;
  std::filesystem::path runtime_base;  // below it: one directory a bottle, gone with it
  std::filesystem::path state_base;    // below it: one directory a bottle, which stays
  std::filesystem::path audit;
  std::uint16_t proxy_port = 3128;  // where the proxy is, as the agent sees it
  bool java = false;
  bool quiet = false;
};

// For people. Secret values are ***.
std::string describe(const Plan& plan);

// The part of a plan that is the same for every backend: id, environment, proxy, pipelock, paths.
// Looks at the world (is there a JVM, where is bottle-proxy), changes nothing.
// `own_directory` is where the `bottle` binary lies; bottle-proxy is the one that
// BOTTLE_PROXY names, else the one beside it, else the one on PATH. With kOfImages the bottle is
// one of containers (`made_of`, which the backend fills): this machine needs no program for it,
// the environment has no PATH and no SHELL of it, and the proxy's arguments name no file of it
// (--audit and --origin-ca are the backend's to add).
enum class Programs { kOfThisMachine, kOfImages };
Expected<Plan> make_plan(const BottleSpec& spec, const std::string& backend,
                         const std::string& backend_why, const std::filesystem::path& own_directory,
                         Programs programs = Programs::kOfThisMachine);

// A word, or words, as a shell would need them, so that what a plan shows can be copied.
std::string shell_quoted(const std::string& word);
std::string shell_quoted(const std::vector<std::string>& words);

// Below it: a directory for each bottle that runs. $XDG_RUNTIME_DIR/bottle, else /tmp/bottle-UID.
std::filesystem::path runtime_base(const Surroundings& around);
// Below it: what stays of each bottle. Fails when the caller has neither HOME nor XDG_STATE_HOME.
Expected<std::filesystem::path> state_base(const Surroundings& around);

// PATH in the bottle: the usual directories, and those of the caller's that the bottle has too.
std::string bottle_path(const std::string& callers_path);

// By names alone: `path` is `parent` or lies in it.
bool is_below(const std::filesystem::path& path, const std::filesystem::path& parent);

// The directory of the running program.
std::filesystem::path own_directory();

}  // namespace bottle::launcher
