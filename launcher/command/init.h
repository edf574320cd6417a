#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

struct InitOptions {
  std::vector<std::string> presets{};
  std::optional<std::string> file{};
  bool force = false;
  bool print = false;
};

// `bottle init`: writes a manifest with comments. A file that exists is not overwritten: without
// --force it is an error, with it the old file gets the ending .old.
Expected<int> run_init(const InitOptions& options, const Context& context);

// Facts about this machine; together with a preset they make a manifest.
struct InitFacts {
  struct Registry {
    std::string client;                // "npm"
    std::vector<std::string> hosts{};  // HOST or HOST:PORT
  };
  std::vector<Registry> registries{};
  std::vector<std::string> git_hosts{};  // of the repository's remotes
  bool git_ssh = false;                  // one of them says ssh, which becomes https in a bottle
  bool gitconfig = false;                // ~/.gitconfig exists
  std::vector<std::string> variables{};  // of the caller's environment: those that presets know
  std::vector<std::string> logins{};     // that are kept outside: "claude"
};

// Asks the clients that are installed; each for at most a few seconds, none over the network.
InitFacts ask_clients(const std::vector<std::string>& presets, const Context& context);

// The text. Error kUsage: an unknown preset.
Expected<std::string> manifest_for(const std::vector<std::string>& presets, const InitFacts& facts);

// HOST, or HOST:PORT where the port is not 443 or 80, of each http(s) URL in `text`.
std::vector<std::string> hosts_in(std::string_view text);

}  // namespace bottle::launcher
