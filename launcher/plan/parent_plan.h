#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/manifest/parent_entry.h"
#include "launcher/plan/resolved_env.h"
#include "launcher/plan/secret.h"
#include "proxy/contract/error.h"
#include "proxy/contract/parent_address.h"

namespace bottle::launcher {

// The proxy through which bottle-proxy reaches origins, decided.
struct ParentPlan {
  ParentAddress address{};  // without a password
  std::optional<Secret> password{};
  std::string no_proxy{};
  std::string why{};

  // Options of bottle-proxy.
  void add_to(std::vector<std::string>& arguments) const;
  // A line of what bottle-proxy's --secrets reads; empty: it has no password.
  [[nodiscard]] std::string secret_line() const;
};

// A parent proxy as the environment names it. Lower case comes first, as curl has it.
struct HostsParent {
  std::string variable{};  // "HTTPS_PROXY"; empty: none is set
  std::string url{};
  std::string no_proxy{};
};
HostsParent parent_of_host(
    const std::function<std::optional<std::string>(const std::string&)>& env);

// From the manifest's entry and --parent, which replaces the entry's address. nullopt: there is
// none. The Error never has a password in it.
Expected<std::optional<ParentPlan>> plan_parent(const std::optional<ParentEntry>& entry,
                                                const std::optional<std::string>& option,
                                                const EnvSources& sources, Prompting prompting,
                                                std::vector<std::string>& notes);

}  // namespace bottle::launcher
