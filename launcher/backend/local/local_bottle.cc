#include "launcher/backend/local/local_bottle.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/backend/local/agent_room.h"
#include "launcher/backend/local/file_tree.h"
#include "launcher/backend/local/firefox_mounts.h"
#include "launcher/backend/local/pipelock_process.h"
#include "launcher/backend/local/resource_group.h"
#include "launcher/backend/local/run_loop.h"
#include "launcher/backend/local/scanner_room.h"
#include "launcher/lifetime/proxy_process.h"
#include "launcher/lifetime/registry.h"
#include "launcher/lifetime/runtime_dir.h"
#include "launcher/manifest/trust_env.h"
#include "launcher/plan/firefox_policy.h"
#include "launcher/plan/home_programs.h"
#include "launcher/plan/java_trust_store.h"
#include "launcher/plan/nss_store.h"
#include "launcher/plan/passwd_text.h"
#include "launcher/plan/profile_text.h"
#include "launcher/process/progress.h"
#include "proxy/contract/proxy_contract.h"

namespace bottle::launcher::local {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{3};  // for the proxy's drain: its only client is gone

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The files of agents that are logged in, with placeholders in the place of tokens.
Expected<void> write_logins(const RuntimeDir& runtime, const Plan& plan) {
  for (const PlannedLogin& login : plan.logins) {
    auto folder = login.mounted;
    if (folder.empty()) {
      folder = runtime.path() / login.runtime_name();
      if (::mkdir(folder.c_str(), 0700) != 0) {
        return system_error("cannot make " + folder.string(), errno);
      }
    }
    if (auto written = write_login(login, folder); !written) return written;
  }
  return {};
}

Expected<void> write_stand_ins(const RuntimeDir& runtime) {
  const auto directory =
      runtime.path() / kTrustName / fs::path(kStandInDirectory).lexically_relative(kTrustDirectory);
  if (::mkdir(directory.c_str(), 0755) != 0) {
    return system_error("cannot make " + directory.string(), errno);
  }
  for (const auto& [name, script] : stand_ins()) {
    const auto file = directory / name;
    if (auto written = runtime.write(file.lexically_relative(runtime.path()).string(), script);
        !written) {
      return written;
    }
    ::chmod(file.c_str(), 0555);
  }
  return {};
}

// The part of the environment that a login shell needs again.
std::string shell_profile(const Plan& plan) {
  std::map<std::string, std::string> trust;
  std::string path = "$PATH";
  for (const auto& [name, value] : plan.environment) {
    const auto* const text = std::get_if<std::string>(&value);
    if (text == nullptr) continue;
    if (is_trust_variable(name)) trust[name] = *text;
    // The entries that other files of the folder added come behind.
    if (name == "PATH") path = shell_quoted(*text) + ":$PATH";
  }
  return profile_text(trust, path);
}

// The generated files that do not need the proxy. All are public: the agent reads them.
Expected<void> write_files(const RuntimeDir& runtime, const Plan& plan) {
  const auto trust = runtime.path() / kTrustName;
  if (::mkdir(trust.c_str(), 0755) != 0)
    return system_error("cannot make " + trust.string(), errno);
  for (const auto& [name, text] :
       {std::pair{kResolvConfName,
                  std::string("# The bottle's proxy: it answers every name with this address.\n"
                              "nameserver 127.0.0.1\n")},
        std::pair{kHostsName, std::string("127.0.0.1 localhost bottle\n::1 localhost\n")},
        std::pair{kPasswdName, passwd_text(content_of("/etc/passwd"), ::getuid(), ::getgid())},
        std::pair{kGitConfigName, plan.git.config}, std::pair{kEmptyName, std::string()},
        std::pair{kShellProfileName, shell_profile(plan)},
        std::pair{kFirefoxName, firefox_policy(firefox_policy_before())}}) {
    if (auto written = runtime.write(name, text); !written) return written;
    ::chmod((runtime.path() / name).c_str(), 0444);
  }
  if (auto written = write_stand_ins(runtime); !written) return written;
  return write_logins(runtime, plan);
}

// Writes the files that need the CA.
Expected<void> write_trust(const RuntimeDir& runtime, const Plan& plan) {
  for (const char* name : {kCaName, kBundleName}) {
    const auto file = runtime.path() / name;
    if (::chmod(file.c_str(), 0444) != 0) {
      return system_error("bottle-proxy did not write " + file.string(), errno, "",
                          ExitCode::kProxy);
    }
  }
  const std::string ca = content_of(runtime.path() / kCaName);
  const auto nss = nss_store(ca);
  const auto database = runtime.path() / kNssName;
  if (::mkdir(database.c_str(), 0700) != 0) {
    return system_error("cannot make " + database.string(), errno);
  }
  const auto file = std::filesystem::path(kNssName) / kNssFile;
  if (nss) {
    if (auto written = runtime.write(file.string(), *nss); !written) return written;
  }
  if (!plan.java) return {};
  auto store = java_trust_store(ca, kJavaStorePassword);
  if (!store) return std::move(store.error());
  return runtime.write(kJavaStoreName, *store);
}

class LocalBottle final : public BackendBottle {
 public:
  LocalBottle(const BottleResources& resources, AgentRoom agent_room,
              std::optional<ScannerRoom> room)
      : resources_(resources), agent_room_(std::move(agent_room)), room_(std::move(room)) {}

  Expected<std::string> make() override;
  Expected<ExitStatus> run() override;
  bool end() override;

 private:
  Expected<RunningProxy> start_proxy_between(const ProxyFiles& files);
  std::filesystem::path proxy_log() const { return resources_.state / "proxy.log"; }

  const BottleResources resources_;
  std::optional<ResourceGroup> group_{};  // until nothing of the bottle is left
  AgentRoom agent_room_;
  std::optional<ScannerRoom> room_;  // exactly when the bottle has a pipelock of its own
  std::optional<RunningProxy> proxy_{};
};

// Opens what the proxy is handed in both rooms, and starts it.
Expected<RunningProxy> LocalBottle::start_proxy_between(const ProxyFiles& files) {
  const Plan& plan = resources_.plan;
  SignalWatch& signals = resources_.signals;
  const auto agents = agent_room_.take_sockets();
  if (!agents) return agents.error();
  std::vector<HandedSocket> handed{{proxy_flag::kListen, agents->proxy.get()},
                                   {proxy_flag::kListenTls, agents->tls.get()},
                                   {proxy_flag::kListenHttp, agents->http.get()},
                                   {proxy_flag::kNames, agents->names.get()}};
  if (!room_) return start_proxy(plan, files, handed, plan.pipelock_url.value_or(""), signals);
  const auto exits = room_->take_sockets();
  if (!exits) return exits.error();
  for (const auto& exit : exits->exit) handed.push_back({proxy_flag::kExitListen, exit.get()});
  handed.push_back({proxy_flag::kExitNames, exits->names.get()});
  handed.push_back({proxy_flag::kPipelockSockets, room_->broker().get()});
  const auto port = std::to_string(pipelock_port(*plan.pipelock));
  return start_proxy(plan, files, handed, "http://127.0.0.1:" + port, signals);
}

Expected<std::string> LocalBottle::make() {
  const auto& [plan, runtime, state, registration, signals, running] = resources_;
  const ProxyFiles files{.ca = runtime.path() / kCaName,
                         .bundle = runtime.path() / kBundleName,
                         .log = proxy_log(),
                         .control = runtime.path() / kControlName};
  std::optional<Progress> progress;
  progress.emplace("starting bottle-proxy", plan.quiet);
  auto proxy = start_proxy_between(files);
  if (!proxy) return std::move(proxy.error());
  proxy_.emplace(std::move(*proxy));
  if (auto known = registration.keeper_is(runtime, agent_room_.inner()); !known) {
    return std::move(known.error());
  }
  auto group = ResourceGroup::make(plan, agent_room_.inner(), registration, runtime);
  if (!group) return std::move(group.error());
  group_.emplace(std::move(*group));
  if (room_) {
    progress.emplace("starting pipelock", plan.quiet);
    auto started = start_pipelock(plan, *room_, files.ca, runtime.path(), state, signals);
    if (!started) return std::move(started.error());
  }
  progress.reset();
  if (!group_->words().empty() && !plan.quiet) {
    std::cerr << "bottle: limits: " << group_->words() << "\n";
  }
  if (auto written = write_trust(runtime, plan); !written) return std::move(written.error());
  return proxy_->fingerprint;
}

Expected<ExitStatus> LocalBottle::run() {
  std::vector<Watched> needed;
  needed.push_back({&proxy_->child, "bottle-proxy", ExitCode::kProxy, proxy_log()});
  if (room_) {
    needed.push_back({&room_->child(), "pipelock", ExitCode::kScanner,
                      resources_.state / "pipelock.log",
                      "nothing is scanned any more, so every request is refused (503)"});
  }
  return run_agent(resources_.plan, group_->of_each_process(), resources_.runtime.path(),
                   agent_room_, needed, resources_.signals, resources_.running);
}

bool LocalBottle::end() {
  proxy_->child.stop(kPatience);
  if (room_) room_->stop();
  return !lost_audit_lines(proxy_->child);
}

}  // namespace

Expected<std::unique_ptr<BackendBottle>> begin_local_bottle(const BottleResources& resources) {
  const Plan& plan = resources.plan;
  // The kernel makes the namespaces while the files are written.
  auto agent_room = AgentRoom::start(plan.proxy_port);
  if (!agent_room) return std::move(agent_room.error());
  std::optional<ScannerRoom> room;
  if (plan.pipelock) {
    auto made = ScannerRoom::start(plan.pipelock->exit_ports);
    if (!made) return std::move(made.error());
    room.emplace(std::move(*made));
  }
  if (auto written = write_files(resources.runtime, plan); !written) {
    return std::move(written.error());
  }
  return std::unique_ptr<BackendBottle>(
      std::make_unique<LocalBottle>(resources, std::move(*agent_room), std::move(room)));
}

}  // namespace bottle::launcher::local
