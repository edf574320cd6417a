#include "launcher/backend/local/local_backend.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "launcher/backend/local/bwrap_arguments.h"
#include "launcher/backend/local/file_tree.h"
#include "launcher/backend/local/helper.h"
#include "launcher/backend/local/pipelock_process.h"
#include "launcher/backend/local/run_loop.h"
#include "launcher/backend/local/scanner_room.h"
#include "launcher/backend/local/session_leader.h"
#include "launcher/backend/local/terminal.h"
#include "launcher/lifetime/audit_summary.h"
#include "launcher/lifetime/proxy_process.h"
#include "launcher/lifetime/registry.h"
#include "launcher/lifetime/runtime_dir.h"
#include "launcher/manifest/trust_env.h"
#include "launcher/plan/java_trust_store.h"
#include "launcher/plan/nss_store.h"
#include "launcher/plan/passwd_text.h"
#include "launcher/process/namespaces.h"
#include "launcher/process/progress.h"

namespace bottle::launcher::local {
namespace {

constexpr std::chrono::seconds kPatience{3};  // for the proxy's drain: its only client is gone
constexpr const char* kToolPath = "/usr/local/bin:/usr/bin:/bin";

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
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
        std::pair{kGitConfigName, plan.git.config}, std::pair{kEmptyName, std::string()}}) {
    if (auto written = runtime.write(name, text); !written) return written;
    ::chmod((runtime.path() / name).c_str(), 0444);
  }
  return {};
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

// As the agent sees it: root in the bottle has root's user id and none of root's powers.
bool may_change(const std::filesystem::path& directory) {
  if (::access(directory.c_str(), W_OK) != 0) return false;
  struct stat info{};
  if (::getuid() != 0 || ::stat(directory.c_str(), &info) != 0) return true;
  if (info.st_uid == 0) return (info.st_mode & S_IWUSR) != 0;
  return (info.st_mode & (info.st_gid == 0 ? S_IWGRP : S_IWOTH)) != 0;
}

class LocalBackend final : public BottleBackend {
 public:
  Expected<Plan> prepare(const BottleSpec& spec, const std::string& why) override;
  Expected<ExitStatus> launch(const Plan& plan) override;
};

Expected<Plan> LocalBackend::prepare(const BottleSpec& spec, const std::string& why) {
  if (!find_program("bwrap", kToolPath)) {
    return Error{ExitCode::kIsolation,
                 "the local backend needs bubblewrap, and bwrap was not found",
                 "install it: apt install bubblewrap, or dnf install bubblewrap"};
  }
  if (auto possible = probe_namespaces(); !possible) return std::move(possible.error());
  auto plan = make_plan(spec, "local", why, own_directory());
  if (!plan) return plan;
  auto files = plan_files(spec, *plan);
  if (!files) return std::move(files.error());
  plan->mounts = std::move(*files);
  if (Terminal::is_there()) {
    std::error_code ec;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", ec);
    plan->mounts.push_back(
        {PlannedMount::Kind::kReadOnly, program.string(), std::string(kLeaderPath)});
  }
  for (const auto& mount : plan->mounts) {
    const bool writable = mount.kind == PlannedMount::Kind::kWritable;
    if (writable && plan->audit.string().starts_with(mount.source + "/")) {
      plan->notes.push_back("the agent can change the audit log: it lies in " + mount.source);
    }
  }
  if (!may_change(plan->workspace)) {
    plan->notes.push_back("the agent cannot change the workspace " + plan->workspace.string() +
                          ", it belongs to another user or is read-only");
  }
  const auto path = spec.around.variable("PATH").value_or("");
  if (auto runnable = check_command(*plan, path); !runnable) return std::move(runnable.error());
  return plan;
}

// Opens what the proxy is handed in both rooms, and starts it.
Expected<RunningProxy> start_proxy_between(const Plan& plan, const ProxyFiles& files,
                                           Helper& helper, std::optional<ScannerRoom>& room,
                                           SignalWatch& signals) {
  const auto agents = helper.take_sockets();
  if (!agents) return agents.error();
  std::vector<HandedSocket> handed{{"--listen", agents->proxy.get()},
                                   {"--listen-tls", agents->tls.get()},
                                   {"--listen-http", agents->http.get()},
                                   {"--names", agents->names.get()}};
  if (!room) return start_proxy(plan, files, handed, plan.pipelock_url.value_or(""), signals);
  const auto exits = room->take_sockets();
  if (!exits) return exits.error();
  for (const auto& exit : exits->exit) handed.push_back({"--exit-listen", exit.get()});
  handed.push_back({"--exit-names", exits->names.get()});
  handed.push_back({"--pipelock-sockets", room->broker().get()});
  const auto port = std::to_string(pipelock_port(*plan.pipelock));
  return start_proxy(plan, files, handed, "http://127.0.0.1:" + port, signals);
}

Expected<ExitStatus> LocalBackend::launch(const Plan& plan) {
  if (auto answers = check_pipelock(plan); !answers) return std::move(answers.error());
  SignalWatch signals;
  auto runtime = RuntimeDir::create(plan.runtime_base, plan.id);
  if (!runtime) return std::move(runtime.error());
  auto registration = Registration::publish(*runtime, plan);
  if (!registration) return std::move(registration.error());
  // The kernel makes the namespaces while the files are written.
  auto helper = Helper::start(plan.proxy_port);
  if (!helper) return std::move(helper.error());
  std::optional<ScannerRoom> room;
  if (plan.pipelock) {
    auto made = ScannerRoom::start(plan.pipelock->exit_ports);
    if (!made) return std::move(made.error());
    room.emplace(std::move(*made));
  }
  auto state = make_state_dir(plan.state_base, plan.id);
  if (!state) return std::move(state.error());
  if (auto written = write_files(*runtime, plan); !written) return std::move(written.error());

  const AuditMark before = AuditMark::of(plan.audit);

  const ProxyFiles files{.ca = runtime->path() / kCaName,
                         .bundle = runtime->path() / kBundleName,
                         .log = *state / "proxy.log"};
  std::optional<Progress> progress;
  progress.emplace("starting bottle-proxy", plan.quiet);
  auto proxy = start_proxy_between(plan, files, *helper, room, signals);
  if (!proxy) return std::move(proxy.error());
  if (auto known = registration->keeper_is(*runtime, helper->inner()); !known) {
    return std::move(known.error());
  }
  std::vector<Watched> needed;
  needed.push_back({&proxy->child, "bottle-proxy", ExitCode::kProxy, files.log});
  if (room) {
    progress.emplace("starting pipelock", plan.quiet);
    auto started = start_pipelock(plan, *room, files.ca, runtime->path(), *state, signals);
    if (!started) return std::move(started.error());
    needed.push_back({&room->child(), "pipelock", ExitCode::kScanner, *state / "pipelock.log",
                      "nothing is scanned any more, so every request is refused (503)"});
  }
  progress.reset();
  if (auto written = write_trust(*runtime, plan); !written) return std::move(written.error());
  if (!plan.quiet) std::cerr << "bottle: CA sha256 " << proxy->fingerprint << "\n";
  auto status = run_agent(plan, runtime->path(), *helper, needed, signals);

  proxy->child.stop(kPatience);
  if (room) room->stop();
  if (status && !plan.quiet) {
    std::cerr << closing_report(before, !lost_audit_lines(proxy->child));
  }
  return status;
}

}  // namespace

std::unique_ptr<BottleBackend> make_local_backend() { return std::make_unique<LocalBackend>(); }

}  // namespace bottle::launcher::local
