#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/manifest/ask_entry.h"
#include "launcher/manifest/guard_entry.h"
#include "launcher/manifest/origin_entry.h"
#include "launcher/manifest/parent_entry.h"
#include "launcher/manifest/port_rule.h"
#include "launcher/manifest/protect_entry.h"
#include "launcher/manifest/resource_limits.h"
#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// The manifest as written, checked for shape: nothing here has been looked up in the world.
// docs/manifest.md describes every key.

// Where the value of an environment variable comes from.
struct EnvValue {
  enum class Source { kLiteral, kFromHost, kPrompt, kFile, kCommand };
  Source source = Source::kLiteral;
  std::string text{};                  // literal: the value; prompt: the question; file: the path
  std::vector<std::string> command{};  // prints the value
  std::chrono::seconds ttl{0};         // how long that is good; 0: not known
  bool secret = false;               // everything but a literal, unless the manifest says otherwise
  std::vector<std::string> hosts{};  // where a secret may go
  bool keep_out = false;             // the agent gets a placeholder, the proxy the value
  std::vector<std::string> in{};     // the parts of a request that the proxy puts it in
  TextPosition place{};
};

struct Mount {
  std::string host{};  // as written: may begin with ~/ or be relative to the manifest
  std::string at{};    // absolute path in the bottle
  bool read_only = true;
  TextPosition place{};
};

enum class Scanner { kPipelock, kGuard };
std::string_view scanner_name(Scanner scanner);
std::optional<Scanner> scanner_by_name(std::string_view name);

// The fate of /home/agent when the bottle ends.
enum class HomeKind { kPrivate, kKept };
std::string_view home_name(HomeKind kind);
std::optional<HomeKind> home_by_name(std::string_view name);

struct BottleEntry {
  TextPosition place{};
  std::optional<std::string> image{};      // for container backends
  std::optional<std::string> workspace{};  // relative to the manifest's directory
  std::optional<std::string> backend{};
  std::optional<Scanner> scanner{};
  std::optional<HomeKind> home{};
  std::optional<std::string> pipelock{};  // URL of a pipelock that runs elsewhere
  std::vector<std::string> allow{};
  std::vector<std::string> allow_addresses{};
  std::map<std::string, std::string> routes{};
  std::optional<ParentEntry> parent{};          // the proxy of the machine's network
  std::map<std::string, std::string> limits{};  // of bottle-proxy: name and number
  ResourceLimits resources{};                   // of the processes in the bottle
  GuardEntry guard{};
  OriginEntry origins{};  // the needs of single ones
  AskEntry ask{};
  std::vector<std::string> logins{};  // that are kept out of the bottle: "claude"
  std::map<std::string, EnvValue> env{};
  std::vector<Mount> mounts{};
  std::vector<PortRule> ports{};  // opened on the host
  ProtectEntry protect{};
  bool sign = false;  // "git": commits are signed outside of the bottle
};

struct AgentEntry {
  TextPosition place{};
  std::string bottle{};
  std::vector<std::string> command{};
};

struct Manifest {
  std::string file;  // as shown in messages
  std::filesystem::path directory;
  std::map<std::string, BottleEntry> bottles;
  std::map<std::string, AgentEntry> agents;
};

inline constexpr std::string_view kManifestName = "bottle.json";
inline constexpr std::string_view kDemoName = "demo";  // no entry may have it

// Checks `text` completely; the first thing that is wrong is the error, with its line and column,
// the key it is about, and what is allowed there. `directory` is what relative paths start from.
Expected<Manifest> parse_manifest(std::string_view text, const std::string& file,
                                  const std::filesystem::path& directory);

Expected<Manifest> load_manifest(const std::filesystem::path& file);

// bottle.json in `start`, else in its parents. The search ends at the first directory that holds
// .git, at `home`, or at the root of the file system, whichever comes first. nullopt: there is
// none.
std::optional<std::filesystem::path> find_manifest(const std::filesystem::path& start,
                                                   const std::filesystem::path& home);

// True of the names that bottles and agents may have.
bool is_entry_name(std::string_view name);

// A name that environment variables may have and the launcher does not keep for itself.
std::string problem_with_variable(std::string_view name);

}  // namespace bottle::launcher
