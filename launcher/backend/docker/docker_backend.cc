#include "launcher/backend/docker/docker_backend.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "launcher/backend/docker/agent_environment.h"
#include "launcher/backend/docker/agent_run.h"
#include "launcher/backend/docker/bottle_containers.h"
#include "launcher/backend/docker/docker_steps.h"
#include "launcher/backend/docker/engine.h"
#include "launcher/backend/docker/images.h"
#include "launcher/backend/docker/left_overs.h"
#include "launcher/manifest/trust_env.h"
#include "launcher/plan/git_sign.h"
#include "launcher/plan/home_folder.h"
#include "launcher/plan/home_programs.h"
#include "launcher/plan/nss_store.h"
#include "launcher/plan/pipelock_config.h"
#include "launcher/plan/share_rules.h"

namespace bottle::launcher::docker {
namespace {

namespace fs = std::filesystem;

class DockerBottle final : public BackendBottle {
 public:
  DockerBottle(Engine engine, const BottleResources& resources)
      : engine_(std::move(engine)),
        plan_(resources.plan),
        state_(resources.state),
        signals_(resources.signals),
        running_(resources.running),
        containers_(engine_, plan_, state_, signals_) {}

  Expected<std::string> make() override {
    if (auto made = containers_.make(); !made) return std::move(made.error());
    return containers_.fingerprint();
  }
  Expected<ExitStatus> run() override {
    return run_agent(engine_, plan_, containers_, state_, signals_, running_);
  }
  bool end() override {
    containers_.remove();
    return !containers_.lost_audit_lines();
  }

 private:
  const Engine engine_;
  const Plan& plan_;
  const fs::path& state_;
  SignalWatch& signals_;
  const std::function<void()>& running_;
  BottleContainers containers_;
};

class DockerBackend final : public BottleBackend {
 public:
  Expected<Plan> prepare(const BottleSpec& spec, const std::string& why) override;
  Expected<void> check(const Plan& plan) override;
  Expected<std::unique_ptr<BackendBottle>> begin(const BottleResources& resources) override;
};

// Where the engine is, when it is not this machine's own socket.
std::string remote_engine(const Engine& engine) {
  Call call;
  call.arguments = {"context", "inspect", "--format", "{{.Endpoints.docker.Host}}"};
  call.limit = kQuestionLimit;
  const auto answer = engine.ask(call, nullptr);
  if (!answer || answer->status != 0) return "";
  const std::string host = one_line(answer->out);
  return host.starts_with("unix://") || host.starts_with("npipe://") ? "" : host;
}

// An engine refuses two mounts at one place. The last one holds, as where mounts are made in turn.
void keep_last_at_each_place(std::vector<PlannedMount>& mounts) {
  std::set<std::string> seen;
  const auto is_covered = [&seen](const PlannedMount& one) { return !seen.insert(one.at).second; };
  mounts.erase(mounts.begin(), std::remove_if(mounts.rbegin(), mounts.rend(), is_covered).base());
}

Expected<void> add_mounts(const BottleSpec& spec, Plan& plan) {
  using Kind = PlannedMount::Kind;
  if (auto may = may_share(plan.workspace, "the workspace", spec.around); !may) {
    may.error().hint = "run bottle in a project's directory";
    return may;
  }
  if (!plan.home.empty()) {
    plan.mounts.push_back({Kind::kHome, (plan.home / kHomeName).string(), std::string(kAgentHome)});
  }
  plan.mounts.push_back({Kind::kWritable, plan.workspace.string(), plan.workspace.string()});
  plan.mounts.insert(plan.mounts.end(), plan.held.mounts.begin(), plan.held.mounts.end());
  for (const auto& mount : spec.mounts) {
    const auto real = shared_source(mount, spec.around);
    if (!real) return real.error();
    plan.mounts.push_back(
        {mount.read_only ? Kind::kReadOnly : Kind::kWritable, real->string(), mount.at});
  }
  // The CA is the bottle's alone, and must not stay in a home that is kept.
  if (!plan.home.empty() && !covers(plan.mounts, kNssDirectory)) {
    plan.mounts.push_back({Kind::kOwned, "", std::string(kNssDirectory)});
  }
  // The agent must not write its own next policy.
  if (!plan.manifest.empty()) {
    std::error_code ec;
    const auto real = fs::weakly_canonical(plan.manifest, ec);
    if (is_below(real, plan.workspace)) {
      plan.mounts.push_back({Kind::kReadOnly, real.string(), real.string()});
    }
  }
  add_sign_mounts(plan);
  keep_last_at_each_place(plan.mounts);
  return {};
}

// The caller. Root's agent is the workspace's owner; root alone when that is root's too.
void choose_user(Plan& plan) {
  auto& container = containers_of(plan);
  container.uid = ::getuid();
  container.gid = ::getgid();
  struct stat info{};
  if (container.uid == 0 && ::stat(plan.workspace.c_str(), &info) == 0) {
    container.uid = info.st_uid;
    container.gid = info.st_gid;
  }
  if (container.uid == 0) {
    plan.notes.push_back(
        "the agent is root in its container, without any capability, since the workspace is "
        "root's; if another user owns the workspace, the agent runs as that user");
  }
}

Expected<void> choose_images(const Engine& engine, const BottleSpec& spec, Plan& plan) {
  const Images images = Images::of_environment();
  auto& container = containers_of(plan);
  container.proxy_image = images.proxy;
  container.image = spec.image.value_or(images.agent);
  if (plan.pipelock) {
    container.pipelock_image = images.pipelock;
  }
  for (const auto* image : {&container.proxy_image, &container.image, &container.pipelock_image}) {
    if (image->empty()) continue;
    if (!is_image_name(*image)) {
      return Error{ExitCode::kUsage, "\"" + *image + "\" is not the name of an image",
                   "images are named like registry.example/name:tag"};
    }
    const auto there = has_image(engine, *image);
    if (!there) return there.error();
    if (*there) continue;
    if (is_built_here(*image)) {
      return Error{ExitCode::kEngine, "the engine has no image " + *image,
                   "build it in bottle's source tree: make image"};
    }
    container.missing.push_back(*image);
  }
  return {};
}

Expected<void> check_places(const Plan& plan) {
  if (plan.parent && plan.parent->address.is_loopback()) {
    return Error{ExitCode::kUsage,
                 "the parent proxy " + plan.parent->address.host_port() +
                     " means the proxy's own container, not this machine",
                 "name the parent by an address that containers can reach, or use --backend local"};
  }
  if (!plan.pipelock_url) return {};
  for (const std::string_view here : {"http://127.", "http://localhost", "http://[::1]"}) {
    if (plan.pipelock_url->starts_with(here)) {
      return Error{ExitCode::kUsage,
                   *plan.pipelock_url + " means the proxy's own container, not this machine",
                   "name an address that containers can reach, or leave --pipelock out, and bottle "
                   "starts a pipelock"};
    }
  }
  return {};
}

Expected<Plan> DockerBackend::prepare(const BottleSpec& spec, const std::string& why) {
  if (!spec.logins.empty()) {
    return Error{
        ExitCode::kUsage,
        "\"login\" needs the backend local: a proxy in a container does not reach the place "
        "where your logins are kept",
        "--backend local, or a key in \"env\" with \"keep_out\""};
  }
  if (spec.audit_copy) {
    return Error{ExitCode::kUsage,
                 "--audit-copy needs the backend local: a proxy in a container does not reach the "
                 "sockets of this machine",
                 "--backend local"};
  }
  const auto engine = Engine::find();
  if (!engine) return engine.error();
  const auto version = server_version(*engine);
  if (!version) return version.error();
  auto plan =
      make_plan(spec, "docker", why + "; engine " + *version, own_directory(), Programs::kOfImages);
  if (!plan) return plan;
  auto& container = containers_of(*plan);
  container.terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (const auto java = spec.env.values.find("JAVA_TOOL_OPTIONS"); java != spec.env.values.end()) {
    if (const auto* text = std::get_if<std::string>(&java->second)) {
      container.java_tool_options = *text;
    }
  }
  if (auto checked = check_places(*plan); !checked) return std::move(checked.error());
  if (auto added = add_mounts(spec, *plan); !added) return std::move(added.error());
  if (auto chosen = choose_images(*engine, spec, *plan); !chosen) return std::move(chosen.error());
  choose_user(*plan);
  // An image that is fetched first has its own PATH alone.
  if (const auto path = image_path(*engine, container.image)) {
    plan->environment.emplace("PATH", with_home_programs(*path));
  }
  if (spec.pipelock_bin && plan->pipelock) {
    plan->notes.push_back("pipelock comes from its image; " + *spec.pipelock_bin +
                          " is not used by this backend");
  }
  for (const auto& [name, value] : plan->environment) {
    const auto* const secret = std::get_if<Secret>(&value);
    if (secret == nullptr) continue;
    if (const auto problem = problem_with_secret_name(name, std::string(secret->reveal()));
        !problem.empty()) {
      return Error{ExitCode::kEnvironment, problem, "give the variable another name"};
    }
  }
  const bool has_secrets = std::any_of(plan->secrets.begin(), plan->secrets.end(),
                                       [](const auto& secret) { return !secret.placeholder; });
  if (has_secrets) {
    plan->notes.push_back(
        "`docker inspect` shows the agent's environment, its secrets too, to "
        "every user of the engine");
  }
  if (const auto remote = remote_engine(*engine); !remote.empty()) {
    if (plan->git.sign) {
      return Error{ExitCode::kUsage,
                   "\"sign\" in \"git\" needs an engine of this machine, and it is at " + remote,
                   "--backend local, or sign the commits afterwards"};
    }
    plan->notes.push_back("the engine is at " + remote +
                          ": the workspace and the mounts must be "
                          "on that machine, under the same paths");
  }
  for (auto& [name, value] : trust_variables(*plan, Facts{})) {
    plan->environment[name] = std::move(value);
  }
  container.commands = shown_commands(*plan);
  return plan;
}

Expected<void> DockerBackend::check(const Plan&) {
  const auto engine = Engine::find();
  if (!engine) return engine.error();
  return {};
}

Expected<std::unique_ptr<BackendBottle>> DockerBackend::begin(const BottleResources& resources) {
  auto engine = Engine::find();
  if (!engine) return std::move(engine.error());
  reap(*engine, &resources.signals);
  return std::unique_ptr<BackendBottle>(
      std::make_unique<DockerBottle>(std::move(*engine), resources));
}

}  // namespace

std::unique_ptr<BottleBackend> make_docker_backend() { return std::make_unique<DockerBackend>(); }

bool docker_is_ready() {
  const auto engine = Engine::find();
  if (!engine || !server_version(*engine)) return false;
  const Images images = Images::of_environment();
  for (const auto& image : {images.proxy, images.agent}) {
    const auto there = has_image(*engine, image);
    if (!there || !*there) return false;
  }
  return true;
}

}  // namespace bottle::launcher::docker
