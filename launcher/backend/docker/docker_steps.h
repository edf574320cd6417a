#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "launcher/backend/docker/engine.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher::docker {

// The steps of a launch as values: their order, and the docker command of each. Pure:
// the same plan and facts give the same commands, so that what `--dry-run` prints is what happens.

// The part of the plan that only bottles of containers have.
inline ContainerPlan& containers_of(Plan& plan) { return std::get<ContainerPlan>(plan.made_of); }
inline const ContainerPlan& containers_of(const Plan& plan) {
  return std::get<ContainerPlan>(plan.made_of);
}

// One bottle's networks and containers. All carry its id, so that bottles side by side never clash.
struct Names {
  explicit Names(const std::string& id);
  std::string agent_network;   // internal: agent and proxy
  std::string scan_network;    // internal: proxy and pipelock
  std::string egress_network;  // the proxy's alone
  std::string agent;
  std::string proxy;
  std::string pipelock;
};

// The labels on everything.
inline constexpr std::string_view kIdLabel = "bottle.id";
inline constexpr std::string_view kOwnerLabel = "bottle.owner";  // its user: owner_mark()
inline constexpr std::string_view kLeaseLabel = "bottle.lease";  // lives while this file is locked

// Stands for this user on this machine, without telling who that is. Engines are shared, also
// between machines.
std::string owner_mark();

// A container of a bottle, with the least that it needs.
struct ContainerLimits {
  std::string id;  // the bottle's
  std::string lease;
  std::string name;
  std::string network;
  std::string user;  // UID:GID
  std::string memory;
  unsigned processes = 0;
};
// The options that every container gets: they take away everything it does not need.
std::vector<std::string> confined(const ContainerLimits& limits);

// Facts that are known only once the engine has made something. The defaults are what a dry run
// shows.
struct Facts {
  std::string agent_subnet = "$AGENT_SUBNET";    // CIDR
  std::string scan_subnet = "$SCAN_SUBNET";      // CIDR
  std::string proxy_address = "$PROXY_ADDRESS";  // as the agent sees it
  std::string exit_address = "$EXIT_ADDRESS";    // as pipelock sees it
};

enum class StepId : std::uint8_t {
  kFetchImage,
  kMakeNetwork,
  kReadSubnets,
  kCreateProxy,
  kJoinNetwork,
  kGiveOriginCa,
  kStartProxy,  // stays attached: its output is the audit log
  kReadAddresses,
  kReadCa,
  kFindPipelock,  // that runs elsewhere
  kCreatePipelock,
  kFillPipelock,
  kStartPipelock,  // stays attached
  kCheckPipelock,  // until it is healthy
  kCreateAgent,
  kReadEtc,
  kFillAgent,
  kStartAgent,  // stays attached: it is the caller's terminal
};

struct StepRef {
  StepId id;
  std::string subject{};  // the image or the network that it is about; else empty
};

struct Step {
  enum class Makes : std::uint8_t { kNothing, kNetwork, kContainer };
  std::string what;  // for "could not …"
  ExitCode code = ExitCode::kEngine;
  Call call;
  Makes makes = Makes::kNothing;
  std::string made{};   // its name
  std::string shown{};  // for the dry run: what is around the command; secrets are not in it
};

std::vector<StepRef> order_of(const Plan& plan);
Step make_step(const StepRef& ref, const Plan& plan, const Facts& facts);

// A line a step, as a shell would need it, with placeholders for what is known only later.
std::vector<std::string> shown_commands(const Plan& plan);

// The memory that the agent's container may use, as the engine reads it.
std::string agent_memory(const Plan& plan);

// The command that removes these containers (with their volumes), and these networks.
std::vector<std::string> remove_containers(const std::vector<std::string>& names);
std::vector<std::string> remove_networks(const std::vector<std::string>& names);

// Where files are in the proxy's and pipelock's containers: volumes, since their roots are
// read-only.
inline constexpr std::string_view kProxyDirectory = "/var/bottle";
// Memory of the proxy's container alone, which no copy of its files has.
inline constexpr std::string_view kProxyControl = "/dev/shm/bottle-control";
inline constexpr std::string_view kPipelockDirectory = "/bottle";
inline constexpr std::uint16_t kPipelockPort = 8888;
inline constexpr unsigned kProxyUser = 65532;
inline constexpr unsigned kPipelockUser = 65534;

// Upper bounds of what a container may use. The agent's are enough for a large build.
inline constexpr std::string_view kAgentMemory = "8g";  // unless the plan has another
inline constexpr std::string_view kProxyMemory = "1g";  // spools are on disk, see docs/limits.md
inline constexpr std::string_view kPipelockMemory = "1g";
inline constexpr std::string_view kRelayMemory = "256m";
inline constexpr unsigned kAgentProcesses = 4096;  // the same
inline constexpr unsigned kHelperProcesses = 128;
inline constexpr unsigned kProxyFiles = 16384;  // two a connection, and 40 % of it are connections

}  // namespace bottle::launcher::docker
