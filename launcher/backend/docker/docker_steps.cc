#include "launcher/backend/docker/docker_steps.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "launcher/backend/docker/agent_environment.h"
#include "launcher/manifest/trust_env.h"
#include "proxy/contract/control_words.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/proxy_contract.h"

namespace bottle::launcher::docker {
namespace {

using Words = std::vector<std::string>;

void add(Words& words, std::initializer_list<std::string> more) {
  words.insert(words.end(), more.begin(), more.end());
}

std::string lease_of(const Plan& plan) { return (plan.runtime_base / plan.id / "lease").string(); }

void add_labels(Words& words, const std::string& id, const std::string& lease) {
  const auto label = [&words](std::string_view name, const std::string& value) {
    add(words, {"--label", std::string(name) + "=" + value});
  };
  label(kIdLabel, id);
  label(kOwnerLabel, owner_mark());
  label(kLeaseLabel, lease);
}

Words create(const Plan& plan, const std::string& name, const std::string& network,
             const std::string& user, const std::string& memory, unsigned processes) {
  Words words{"create"};
  const Words options = confined({.id = plan.id,
                                  .lease = lease_of(plan),
                                  .name = name,
                                  .network = network,
                                  .user = user,
                                  .memory = memory,
                                  .processes = processes});
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

std::string ids(unsigned uid, unsigned gid) {
  return std::to_string(uid) + ":" + std::to_string(gid);
}

bool has_pipelock(const Plan& plan) { return !containers_of(plan).pipelock_image.empty(); }

// The ports that the allowlist opens, as text in its own order.
std::set<std::string> ports_of(const Plan& plan) {
  std::set<std::string> out;
  for (const std::uint16_t port : opened_ports(host_patterns(plan.allow))) {
    out.insert(std::to_string(port));
  }
  return out;
}

// A field of the comma-separated value that --mount takes, in the quotes of CSV where it needs
// them.
std::string mount_field(const std::string& field) {
  if (field.find_first_of(",\"\n") == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string bind_mount(const PlannedMount& mount) {
  std::string out =
      "type=bind," + mount_field("src=" + mount.source) + "," + mount_field("dst=" + mount.at);
  if (mount.kind == PlannedMount::Kind::kReadOnly) out += ",readonly";
  return out;
}

std::string volume(std::string_view at) { return "type=volume,dst=" + std::string(at); }

Step step_of(std::string what, Words words, ExitCode code = ExitCode::kEngine) {
  Step step{.what = std::move(what), .code = code, .call = {}};
  step.call.arguments = std::move(words);
  return step;
}

Step fetch_image(const std::string& image) {
  Step step = step_of("fetch the image " + image, {"pull", "--quiet", image});
  step.call.limit = kFetchLimit;
  return step;
}

Step make_network(const Plan& plan, const std::string& name) {
  const bool internal = name != Names(plan.id).egress_network;
  Step step{.what = "make the network " + name, .call = {}};
  auto& words = step.call.arguments;
  words = {"network", "create"};
  add_labels(words, plan.id, lease_of(plan));
  if (internal) {
    // Without an address the engine's machine cannot be reached through its side of the bridge.
    add(words, {"--internal", "--opt", "com.docker.network.bridge.inhibit_ipv4=true"});
  }
  words.push_back(name);
  step.makes = Step::Makes::kNetwork;
  step.made = name;
  return step;
}

Step read_subnets(const Plan& plan) {
  const Names names(plan.id);
  Step step{.what = "read the networks' addresses", .call = {}};
  step.call.arguments = {"network", "inspect", "--format",
                         "{{.Name}}{{range .IPAM.Config}} {{.Subnet}}{{end}}", names.agent_network};
  if (has_pipelock(plan)) step.call.arguments.push_back(names.scan_network);
  step.call.limit = kQuestionLimit;
  step.shown = has_pipelock(plan) ? "gives AGENT_SUBNET and SCAN_SUBNET" : "gives AGENT_SUBNET";
  return step;
}

Step create_proxy(const Plan& plan, const Facts& facts) {
  const Names names(plan.id);
  Step step{.what = "create the proxy's container", .code = ExitCode::kEngine, .call = {}};
  auto& words = step.call.arguments;
  words = create(plan, names.proxy, names.agent_network, ids(kProxyUser, kProxyUser),
                 std::string(kProxyMemory), kHelperProcesses);
  add(words, {"--interactive", "--read-only", "--mount", volume(kProxyDirectory)});
  // Ports below 1024 without a capability. And nothing is routed from one network to another.
  add(words,
      {"--sysctl", "net.ipv4.ip_unprivileged_port_start=0", "--sysctl", "net.ipv4.ip_forward=0"});
  const std::string files = std::to_string(kProxyFiles);
  add(words, {"--ulimit", "nofile=" + files + ":" + files, containers_of(plan).proxy_image});

  const std::string agent = facts.agent_subnet + ":";
  const std::string directory = std::string(kProxyDirectory) + "/";
  add(words,
      {proxy_flag::kListen, agent + std::to_string(plan.proxy_port), proxy_flag::kListenTls,
       agent + "443", proxy_flag::kListenHttp, agent + "80", proxy_flag::kNames, agent + "53"});
  if (has_pipelock(plan)) {
    const std::string scan = facts.scan_subnet + ":";
    for (const auto& port : ports_of(plan)) add(words, {proxy_flag::kExitListen, scan + port});
    add(words, {proxy_flag::kExitNames, scan + "53", proxy_flag::kPipelock,
                "http://pipelock:" + std::to_string(kPipelockPort)});
  } else if (plan.pipelock_url) {
    add(words, {proxy_flag::kPipelock, *plan.pipelock_url});
  }
  words.insert(words.end(), plan.proxy.arguments.begin(), plan.proxy.arguments.end());
  add(words, {proxy_flag::kCaOut, directory + "ca.pem", proxy_flag::kBundleOut,
              directory + "ca-bundle.pem", proxy_flag::kSpoolDir, std::string(kProxyDirectory),
              proxy_flag::kAudit, "-"});
  if (plan.origin_ca) add(words, {proxy_flag::kOriginCa, directory + "origin-ca.pem"});
  add(words, {proxy_flag::kSecrets, fd_word(0), proxy_flag::kControl,
              kUnixWord + std::string(kProxyControl)});
  // A launcher that was killed must not leave a way out behind it.
  words.emplace_back(proxy_flag::kEndWithStdin);
  step.makes = Step::Makes::kContainer;
  step.made = names.proxy;
  return step;
}

Step give_origin_ca(const Plan& plan) {
  Step step = step_of("give the proxy the origin CA",
                      {"cp", "-", Names(plan.id).proxy + ":" + std::string(kProxyDirectory)});
  step.shown = plan.origin_ca->string() + " in an archive";
  return step;
}

Step start_proxy(const Plan& plan) {
  Step step =
      step_of("start the proxy", {"start", "--attach", "--interactive", Names(plan.id).proxy},
              ExitCode::kProxy);
  step.shown =
      plan.secrets.empty()
          ? "reads the fingerprints' key; its output is the audit log"
          : "reads the fingerprints' key and the guarded values; its output is the audit log";
  return step;
}

Step read_addresses(const Plan& plan) {
  Step step = step_of("read the proxy's addresses",
                      {"inspect", "--format",
                       "{{range $name, $at := .NetworkSettings.Networks}}{{println $name "
                       "$at.IPAddress}}{{end}}",
                       Names(plan.id).proxy});
  step.call.limit = kQuestionLimit;
  step.shown = has_pipelock(plan) ? "gives PROXY_ADDRESS and EXIT_ADDRESS" : "gives PROXY_ADDRESS";
  return step;
}

Step read_ca(const Plan& plan) {
  Step step = step_of("read the bottle's CA",
                      {"cp", Names(plan.id).proxy + ":" + std::string(kProxyDirectory), "-"},
                      ExitCode::kProxy);
  step.shown = "gives ca.pem and ca-bundle.pem";
  return step;
}

// The question is asked from the proxy's container.
Step ask_pipelock(const Plan& plan, std::string what, const std::string& url) {
  Step step = step_of(
      std::move(what),
      {"exec", Names(plan.id).proxy, "/usr/local/bin/bottle-proxy", kHealthcheck, url + "/health"},
      ExitCode::kScanner);
  step.call.limit = kQuestionLimit;
  return step;
}

Step create_pipelock(const Plan& plan, const Facts& facts) {
  const Names names(plan.id);
  Step step{.what = "create pipelock's container", .code = ExitCode::kScanner, .call = {}};
  auto& words = step.call.arguments;
  words = create(plan, names.pipelock, names.scan_network, ids(kPipelockUser, kPipelockUser),
                 std::string(kPipelockMemory), kHelperProcesses);
  const std::string directory(kPipelockDirectory);
  add(words, {"--read-only", "--mount", volume(kPipelockDirectory), "--network-alias", "pipelock",
              "--dns", facts.exit_address, "--dns-search", ".", "--env",
              "SSL_CERT_FILE=" + directory + "/ca.pem", "--env", "HOME=" + directory,
              containers_of(plan).pipelock_image, "run", "--config", directory + "/pipelock.yaml"});
  step.makes = Step::Makes::kContainer;
  step.made = names.pipelock;
  return step;
}

Step fill_pipelock(const Plan& plan) {
  Step step = step_of("give pipelock its configuration",
                      {"cp", "-", Names(plan.id).pipelock + ":" + std::string(kPipelockDirectory)},
                      ExitCode::kScanner);
  step.shown = "pipelock.yaml and ca.pem in an archive";
  return step;
}

Step pipelock_check(const Plan& plan) {
  Step step = ask_pipelock(plan, "reach pipelock from the proxy",
                           "http://pipelock:" + std::to_string(kPipelockPort));
  step.shown = "until it answers";
  return step;
}

Step create_agent(const Plan& plan, const Facts& facts) {
  const Names names(plan.id);
  const auto& container = containers_of(plan);
  Step step{.what = "create the agent's container", .call = {}};
  auto& words = step.call.arguments;
  words = create(plan, names.agent, names.agent_network, ids(container.uid, container.gid),
                 agent_memory(plan), plan.resources.pids.value_or(kAgentProcesses));
  if (plan.resources.cpus) add(words, {"--cpus", cpu_words(*plan.resources.cpus)});
  add(words, {"--init", "--interactive", "--hostname", std::string(kOwnName), "--dns",
              facts.proxy_address, "--dns-search", "."});
  if (container.terminal) words.emplace_back("--tty");
  for (const auto& mount : plan.mounts) {
    const bool of_container = mount.kind == PlannedMount::Kind::kOwned;
    add(words, {"--mount", of_container ? volume(mount.at) : bind_mount(mount)});
  }
  add(words, {"--workdir", plan.directory.string()});
  auto environment = agent_environment(plan, facts);
  words.insert(words.end(), environment.arguments.begin(), environment.arguments.end());
  add(words, {"--env-file", std::string(kEnvFile)});
  step.call.env_file = std::move(environment.file);
  step.call.environment = std::move(environment.environment);
  step.shown = std::string(kEnvFile) + " has the environment above";
  // Whatever entry point the image has: the command is the one that was asked for.
  add(words, {"--entrypoint", plan.command.front(), container.image});
  words.insert(words.end(), plan.command.begin() + 1, plan.command.end());
  step.makes = Step::Makes::kContainer;
  step.made = names.agent;
  return step;
}

Step read_etc(const Plan& plan) {
  Step step = step_of("read the agent image's /etc", {"cp", Names(plan.id).agent + ":/etc", "-"});
  step.shown = "its users and where it keeps its roots";
  return step;
}

Step fill_agent(const Plan& plan) {
  Step step = step_of("give the agent the CA", {"cp", "-", Names(plan.id).agent + ":/"});
  step.shown = "trust files, /etc/environment, /etc/profile.d/bottle.sh in an archive";
  return step;
}

std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace

std::vector<std::string> confined(const ContainerLimits& limits) {
  // Images are fetched in a step of their own. The containers' output goes to the launcher alone:
  // the engine would keep a second copy, the agent's terminal included.
  Words words{"--pull", "never", "--name", limits.name, "--log-driver", "none"};
  add_labels(words, limits.id, limits.lease);
  add(words,
      {"--network", limits.network, "--user", limits.user, "--cap-drop", "ALL", "--security-opt",
       "no-new-privileges", "--memory", limits.memory, "--memory-swap", limits.memory,
       "--pids-limit", std::to_string(limits.processes), "--restart", "no", "--no-healthcheck"});
  return words;
}

Names::Names(const std::string& id)
    : agent_network("bottle-" + id + "-agent-net"),
      scan_network("bottle-" + id + "-scan-net"),
      egress_network("bottle-" + id + "-egress-net"),
      agent("bottle-" + id + "-agent"),
      proxy("bottle-" + id + "-proxy"),
      pipelock("bottle-" + id + "-pipelock") {}

std::string agent_memory(const Plan& plan) {
  if (!plan.resources.memory) return std::string(kAgentMemory);
  return std::to_string(*plan.resources.memory / 1024) + "k";
}

std::string owner_mark() {
  std::ifstream in("/etc/machine-id");
  const std::string machine{std::istreambuf_iterator<char>(in), {}};
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::uint64_t hash = fnv1a(machine, 0xcbf29ce484222325ULL);
  hash = fnv1a(host.data(), hash);
  hash = fnv1a("/" + std::to_string(::getuid()), hash);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += kHex[(hash >> shift) & 0xfU];
  return out;
}

std::vector<StepRef> order_of(const Plan& plan) {
  using enum StepId;
  const Names names(plan.id);
  const bool pipelock = has_pipelock(plan);
  std::vector<StepRef> out;
  for (const auto& image : containers_of(plan).missing) out.push_back({kFetchImage, image});
  out.push_back({kMakeNetwork, names.agent_network});
  if (pipelock) out.push_back({kMakeNetwork, names.scan_network});
  out.push_back({kMakeNetwork, names.egress_network});
  out.push_back({kReadSubnets});
  out.push_back({kCreateProxy});
  if (pipelock) out.push_back({kJoinNetwork, names.scan_network});
  out.push_back({kJoinNetwork, names.egress_network});
  if (plan.origin_ca) out.push_back({kGiveOriginCa});
  for (const auto id : {kStartProxy, kReadAddresses, kReadCa}) out.push_back({id});
  if (plan.pipelock_url) out.push_back({kFindPipelock});
  if (pipelock) {
    for (const auto id : {kCreatePipelock, kFillPipelock, kStartPipelock}) out.push_back({id});
  }
  for (const auto id : {kCreateAgent, kReadEtc, kFillAgent}) out.push_back({id});
  // Meanwhile pipelock comes up.
  if (pipelock) out.push_back({kCheckPipelock});
  out.push_back({kStartAgent});
  return out;
}

Step make_step(const StepRef& ref, const Plan& plan, const Facts& facts) {
  switch (ref.id) {
    case StepId::kFetchImage:
      return fetch_image(ref.subject);
    case StepId::kMakeNetwork:
      return make_network(plan, ref.subject);
    case StepId::kReadSubnets:
      return read_subnets(plan);
    case StepId::kCreateProxy:
      return create_proxy(plan, facts);
    case StepId::kJoinNetwork:
      return step_of("connect the proxy to " + ref.subject,
                     {"network", "connect", ref.subject, Names(plan.id).proxy});
    case StepId::kGiveOriginCa:
      return give_origin_ca(plan);
    case StepId::kStartProxy:
      return start_proxy(plan);
    case StepId::kReadAddresses:
      return read_addresses(plan);
    case StepId::kReadCa:
      return read_ca(plan);
    case StepId::kFindPipelock:
      return ask_pipelock(plan, "find pipelock from the proxy's container",
                          plan.pipelock_url.value_or(""));
    case StepId::kCreatePipelock:
      return create_pipelock(plan, facts);
    case StepId::kFillPipelock:
      return fill_pipelock(plan);
    case StepId::kStartPipelock:
      return step_of("start pipelock", {"start", "--attach", Names(plan.id).pipelock},
                     ExitCode::kScanner);
    case StepId::kCheckPipelock:
      return pipelock_check(plan);
    case StepId::kCreateAgent:
      return create_agent(plan, facts);
    case StepId::kReadEtc:
      return read_etc(plan);
    case StepId::kFillAgent:
      return fill_agent(plan);
    case StepId::kStartAgent:
      return step_of("start the agent",
                     {"start", "--attach", "--interactive", Names(plan.id).agent});
  }
  return step_of("", {});
}

std::vector<std::string> shown_commands(const Plan& plan) {
  std::vector<std::string> out;
  for (const auto& ref : order_of(plan)) {
    const auto step = make_step(ref, plan, Facts{});
    std::string line = "docker " + shell_quoted(step.call.arguments);
    if (!step.shown.empty()) line += "  # " + step.shown;
    out.push_back(std::move(line));
  }
  const Names names(plan.id);
  std::vector<std::string> containers{names.agent, names.proxy};
  std::vector<std::string> networks{names.agent_network, names.egress_network};
  if (has_pipelock(plan)) {
    containers.push_back(names.pipelock);
    networks.push_back(names.scan_network);
  }
  out.push_back("docker " + shell_quoted(remove_containers(containers)) + "  # at the end");
  out.push_back("docker " + shell_quoted(remove_networks(networks)));
  return out;
}

std::vector<std::string> remove_containers(const std::vector<std::string>& names) {
  std::vector<std::string> out{"rm", "--force", "--volumes"};
  out.insert(out.end(), names.begin(), names.end());
  return out;
}

std::vector<std::string> remove_networks(const std::vector<std::string>& names) {
  std::vector<std::string> out{"network", "rm"};
  out.insert(out.end(), names.begin(), names.end());
  return out;
}

}  // namespace bottle::launcher::docker
