#include "launcher/backend/docker/bottle_containers.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <utility>

#include "launcher/backend/docker/agent_environment.h"
#include "launcher/backend/docker/archive.h"
#include "launcher/backend/docker/log_sorter.h"
#include "launcher/lifetime/proxy_process.h"
#include "launcher/manifest/trust_env.h"
#include "launcher/plan/firefox_policy.h"
#include "launcher/plan/git_settings.h"
#include "launcher/plan/home_folder.h"
#include "launcher/plan/home_programs.h"
#include "launcher/plan/java_trust_store.h"
#include "launcher/plan/nss_store.h"
#include "launcher/plan/passwd_text.h"
#include "launcher/plan/pipelock_config.h"
#include "launcher/plan/profile_text.h"
#include "launcher/process/log_tail.h"

namespace bottle::launcher::docker {
namespace {

constexpr std::chrono::seconds kReadyLimit{30};
constexpr std::chrono::seconds kHealthLimit{30};
constexpr std::chrono::milliseconds kBetweenChecks{50};
constexpr std::chrono::seconds kPatience{3};  // for a drain: the only client is gone

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// As an archive has it.
std::string_view relative(std::string_view path) { return path.substr(1); }

void add_stand_ins(Archive& archive) {
  archive.directory(relative(kStandInDirectory), 0755);
  for (const auto& [name, script] : stand_ins()) {
    archive.file(std::string(relative(kStandInDirectory)) + "/" + name, 0555, script);
  }
}

void add_firefox_policy(Archive& archive, const std::string& etc) {
  archive.directory("etc/firefox", 0755);
  archive.directory("etc/firefox/policies", 0755);
  const auto file = relative(kFirefoxPolicyFile);
  archive.file(file, 0444, firefox_policy(file_at(etc, file).value_or("")));
}

void add_nss_stores(Archive& archive, const Plan& plan, const std::string& ca, const Owner& agent) {
  const auto nss = nss_store(ca);
  if (!nss) return;
  for (const auto place : {kNssDirectory, kNssWithoutHome}) {
    if (covers(plan.mounts, place)) continue;
    const std::filesystem::path directory(relative(place));
    const bool in_kept_home = place == kNssDirectory && !plan.home.empty();
    if (!in_kept_home) archive.directory(directory.parent_path().string(), 0700, agent);
    archive.directory(directory.string(), 0700, agent);
    archive.file((directory / kNssFile).string(), 0600, *nss, agent);
  }
}

// For pam_env, which cron, ssh and su use: no shell quoting, the rest of the line is the value.
std::string environment_text(std::string before,
                             const std::map<std::string, std::string>& variables) {
  if (!before.empty() && !before.ends_with('\n')) before += '\n';
  for (const auto& [name, value] : variables) before += name + "=" + value + "\n";
  return before;
}

std::string hint_for(const std::string& words) {
  if (words.find("address pool") != std::string::npos) {
    return "the engine has no subnet left for a network: `docker network prune` removes unused "
           "ones, default-address-pools in its configuration makes room for more";
  }
  if (words.find("bind source path does not exist") != std::string::npos) {
    return "the engine is on another machine, or in one: the workspace and the mounts must exist "
           "there under the same paths";
  }
  if (words.find("inhibit_ipv4") != std::string::npos) {
    return "this engine (podman?) cannot make a network from which its own machine is out of "
           "reach: use Docker, or --backend local";
  }
  if (words.find("No such image") != std::string::npos) return "`make image` builds bottle's own";
  return "";
}

}  // namespace

BottleContainers::BottleContainers(const Engine& engine, const Plan& plan,
                                   std::filesystem::path state, SignalWatch& signals)
    : engine_(engine), plan_(plan), state_(std::move(state)), signals_(signals) {}

BottleContainers::~BottleContainers() { remove(); }

Expected<void> BottleContainers::make() {
  for (const auto& ref : order_of(plan_)) {
    if (ref.id == StepId::kStartAgent) break;
    if (auto done = run(ref); !done) return done;
  }
  return {};
}

Expected<Answer> BottleContainers::asked(Step step) {
  // Before it runs: an engine may have made what its answer never told of.
  if (step.makes == Step::Makes::kContainer) containers_.push_back(step.made);
  if (step.makes == Step::Makes::kNetwork) networks_.push_back(step.made);
  auto answer = engine_.ask(step.call, &signals_);
  const std::string failed = "could not " + step.what + ": ";
  if (!answer) {
    answer.error().message = failed + answer.error().message;
    return answer;
  }
  if (answer->status != 0) {
    std::string words =
        answer->words.empty() ? "status " + std::to_string(answer->status) : answer->words;
    return Error{step.code, failed + words, hint_for(words)};
  }
  return answer;
}

Expected<void> BottleContainers::run(const StepRef& ref) {
  Step step = make_step(ref, plan_, facts_);
  switch (ref.id) {
    case StepId::kStartProxy:
      return start_proxy(step);
    case StepId::kStartPipelock:
      return start_pipelock(step);
    case StepId::kCheckPipelock:
      return check_pipelock(step);
    case StepId::kGiveOriginCa: {
      auto archive = origin_ca_archive();
      if (!archive) return std::move(archive.error());
      step.call.input = std::move(*archive);
      break;
    }
    case StepId::kFillPipelock:
      step.call.input = pipelock_archive();
      break;
    case StepId::kFillAgent: {
      auto archive = agent_archive();
      if (!archive) return std::move(archive.error());
      step.call.input = std::move(*archive);
      break;
    }
    case StepId::kFetchImage:
      if (!plan_.quiet) std::cerr << "bottle: fetching the image " << ref.subject << "\n";
      break;
    default:
      break;
  }
  auto answer = asked(std::move(step));
  // An image without /etc, or with a huge one, still gets bottle's files.
  if (ref.id == StepId::kReadEtc && !answer && answer.error().code == ExitCode::kEngine) return {};
  if (!answer) return std::move(answer.error());
  switch (ref.id) {
    case StepId::kReadSubnets:
      return read_subnets(answer->out);
    case StepId::kReadAddresses:
      return read_addresses(answer->out);
    case StepId::kReadCa:
      return read_ca(answer->out);
    case StepId::kReadEtc:
      etc_ = std::move(answer->out);
      has_update_tool_ = has_entry(etc_, "etc/ca-certificates.conf");
      return {};
    default:
      return {};
  }
}

Expected<void> BottleContainers::read_subnets(const std::string& text) {
  const Names names(plan_.id);
  std::istringstream lines(text);
  bool agent = false;
  bool scan = containers_of(plan_).pipelock_image.empty();
  for (std::string line; std::getline(lines, line);) {
    const auto words = words_of(line);
    if (words.empty()) continue;
    // An engine may give a network an IPv6 range too; bottles use IPv4.
    const auto v4 = std::find_if(words.begin() + 1, words.end(), [](const std::string& word) {
      return word.find(':') == std::string::npos && word.find('/') != std::string::npos;
    });
    if (v4 == words.end()) continue;
    if (words.front() == names.agent_network) {
      facts_.agent_subnet = *v4;
      agent = true;
    } else if (words.front() == names.scan_network) {
      facts_.scan_subnet = *v4;
      scan = true;
    }
  }
  if (agent && scan) return {};
  return Error{ExitCode::kEngine,
               "the engine gave a network without an IPv4 subnet: " + one_line(text),
               "bottles need IPv4 inside; default-address-pools of the engine must have some"};
}

Expected<void> BottleContainers::read_addresses(const std::string& text) {
  const Names names(plan_.id);
  std::istringstream lines(text);
  bool agent = false;
  bool scan = containers_of(plan_).pipelock_image.empty();
  for (std::string line; std::getline(lines, line);) {
    const auto words = words_of(line);
    if (words.size() != 2) continue;
    if (words[0] == names.agent_network) {
      facts_.proxy_address = words[1];
      agent = true;
    } else if (words[0] == names.scan_network) {
      facts_.exit_address = words[1];
      scan = true;
    }
  }
  if (agent && scan) return {};
  return Error{ExitCode::kEngine,
               "the engine does not tell the proxy's addresses: " + one_line(text), ""};
}

Expected<void> BottleContainers::read_ca(const std::string& archive) {
  const auto directory = std::filesystem::path(kProxyDirectory).filename().string() + "/";
  auto ca = file_at(archive, directory + "ca.pem");
  auto bundle = file_at(archive, directory + "ca-bundle.pem");
  if (!ca || !bundle || ca->empty()) {
    return Error{ExitCode::kProxy, "bottle-proxy did not write its CA",
                 "is the image " + containers_of(plan_).proxy_image + " of this version?"};
  }
  ca_ = std::move(*ca);
  bundle_ = std::move(*bundle);
  return {};
}

Expected<std::string> BottleContainers::origin_ca_archive() const {
  std::ifstream in(*plan_.origin_ca, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in || text.empty()) {
    return Error{ExitCode::kUsage, "cannot read the origin CA " + plan_.origin_ca->string(), ""};
  }
  Archive archive;
  archive.file("origin-ca.pem", 0444, text, {kProxyUser, kProxyUser});
  return archive.finish();
}

std::string BottleContainers::pipelock_archive() const {
  PipelockPlan policy = *plan_.pipelock;
  // The one address that names have there is the exit's; which addresses an origin may have is the
  // exit's to check.
  policy.addresses = {facts_.exit_address + "/32"};
  Archive archive;
  archive.file("pipelock.yaml", 0444,
               pipelock_config(policy, plan_.id, "0.0.0.0:" + std::to_string(kPipelockPort), ""));
  archive.file("ca.pem", 0444, ca_);
  return archive.finish();
}

Expected<std::string> BottleContainers::agent_archive() const {
  const Owner agent{containers_of(plan_).uid, containers_of(plan_).gid};
  Archive archive;
  archive.directory(relative(kTrustDirectory), 0755);
  archive.file(relative(kCaPath), 0444, ca_);
  archive.file(relative(kBundlePath), 0444, bundle_);
  archive.file(relative(kGitConfigPath), 0444, plan_.git.config);
  if (agent.uid != 0) add_stand_ins(archive);
  add_firefox_policy(archive, etc_);
  if (plan_.java) {
    auto store = java_trust_store(ca_, kJavaStorePassword);
    if (!store) return store;
    archive.file(relative(kJavaStorePath), 0444, *store);
    for (const auto file : system_java_stores()) {
      if (has_entry(etc_, relative(file))) archive.file(relative(file), 0444, *store);
    }
  }
  // For programs that read a file and no variable.
  bool somewhere = false;
  for (const auto file : system_bundle_files()) {
    if (!has_entry(etc_, relative(file))) continue;
    archive.file(relative(file), 0444, bundle_);
    somewhere = true;
  }
  if (!somewhere) archive.file(relative(system_bundle_files().front()), 0444, bundle_);
  if (has_update_tool_) archive.file("usr/local/share/ca-certificates/bottle.crt", 0444, ca_);

  const auto variables = trust_variables(plan_, facts_);
  archive.directory(relative(kProfileDirectory), 0755);
  archive.file(std::string(relative(kProfileDirectory)) + "/" + std::string(kProfileName), 0644,
               profile_text(variables, with_home_programs("$PATH")));
  // Added to what the image has, so only when that could be read.
  if (!etc_.empty()) {
    archive.file("etc/environment", 0644,
                 environment_text(file_at(etc_, "etc/environment").value_or(""), variables));
    archive.file("etc/passwd", 0644,
                 passwd_text(file_at(etc_, "etc/passwd").value_or(""), agent.uid, agent.gid));
  }
  // A kept home is there, and with it the folders that the launcher made in it.
  if (plan_.home.empty()) archive.directory(relative(kAgentHome), 0700, agent);
  add_nss_stores(archive, plan_, ca_, agent);
  return archive.finish();
}

Expected<void> BottleContainers::start_proxy(const Step& step) {
  const auto log = state_ / "proxy.log";
  auto output = make_pipe();
  if (!output) return std::move(output.error());
  auto errors = make_pipe();
  if (!errors) return std::move(errors.error());
  auto input = make_pipe();
  if (!input) return std::move(input.error());
  auto sorter = sort_log(errors->read, plan_.audit, log);
  if (!sorter) return std::move(sorter.error());
  log_ = std::move(*sorter);
  errors->read.reset();
  auto child = engine_.begin_to_outlive(
      step.call.arguments,
      {{input->read.get(), 0}, {output->write.get(), 1}, {errors->write.get(), 2}});
  if (!child) return std::move(child.error());
  proxy_ = std::move(*child);
  input->read.reset();
  output->write.reset();
  errors->write.reset();
  proxy_input_ = std::move(input->write);
  const auto secrets = secret_lines(plan_);
  if (!secrets) return secrets.error();
  if (auto handed = hand_over(proxy_input_, *secrets + "end\n"); !handed) return handed;
  auto line = await_line(output->read.get(), signals_, kReadyLimit, "bottle-proxy in its container",
                         ExitCode::kProxy);
  auto print = line ? fingerprint_in(*line) : Expected<std::string>(std::move(line.error()));
  if (!print) {
    Error error = std::move(print.error());
    if (error.code == ExitCode::kProxy) {
      log_.wait(std::chrono::seconds(1));
      explain_proxy_end(proxy_, log, error);
    }
    return error;
  }
  fingerprint_ = std::move(*print);
  proxy_output_ = std::move(output->read);
  return {};
}

Expected<void> BottleContainers::start_pipelock(const Step& step) {
  const auto log = state_ / "pipelock.log";
  const Fd file(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!file || !nothing) return system_error("cannot write " + log.string(), errno);
  auto child = engine_.begin(step.call.arguments,
                             {{nothing.get(), 0}, {file.get(), 1}, {file.get(), 2}}, true);
  if (!child) return std::move(child.error());
  pipelock_ = std::move(*child);
  return {};
}

Expected<void> BottleContainers::check_pipelock(const Step& step) {
  const auto until = std::chrono::steady_clock::now() + kHealthLimit;
  const Call runs{
      .arguments = {"inspect", "--format", "{{.State.Running}}", Names(plan_.id).pipelock}};
  while (true) {
    auto answer = engine_.ask(runs, &signals_);
    // Asked for any earlier, its name is looked for in the world outside, which takes a second.
    const bool up = answer && answer->status == 0 && answer->out.starts_with("true");
    if (up) answer = engine_.ask(step.call, &signals_);
    if (!answer) return std::move(answer.error());
    if (up && answer->status == 0) return {};
    const auto log = state_ / "pipelock.log";
    if (pipelock_.ended()) {
      return Error{step.code, "pipelock ended before it was ready" + log_tail(log), ""};
    }
    if (std::chrono::steady_clock::now() >= until) {
      const std::string words = up ? answer->words : "its container does not run";
      return Error{step.code,
                   "pipelock was not ready within " + std::to_string(kHealthLimit.count()) +
                       " s: " + words + log_tail(log),
                   ""};
    }
    if (auto paused = pause_for(signals_, kBetweenChecks); !paused) return paused;
  }
}

bool BottleContainers::lost_audit_lines() {
  const bool sorted = log_.ended() && log_.exit_status() == 0;
  return !sorted || launcher::lost_audit_lines(proxy_);
}

void BottleContainers::remove() {
  // The docker program passes SIGTERM on to the container that it is attached to.
  if (proxy_.running()) proxy_.stop(kPatience);
  if (pipelock_.running()) pipelock_.stop(kPatience);
  const auto gone = [this](const std::vector<std::string>& command) {
    const auto answer = engine_.ask({.arguments = command}, nullptr);
    // A name that was never made is no failure: what matters is what is still there.
    const bool absent = answer &&
                        (answer->words.find("No such ") != std::string::npos ||
                         answer->words.find("not found") != std::string::npos) &&
                        answer->words.find("active endpoints") == std::string::npos;
    if (answer && (answer->status == 0 || absent)) return;
    std::cerr << "bottle: warning: the engine did not remove this bottle's containers and "
                 "networks ("
              << (answer ? answer->words : answer.error().message)
              << "); the next start tries again, or: docker " << shell_quoted(command) << "\n";
  };
  if (!containers_.empty()) gone(remove_containers(std::exchange(containers_, {})));
  if (!networks_.empty()) gone(remove_networks(std::exchange(networks_, {})));
  proxy_input_.reset();
  proxy_output_.reset();
  log_.wait(std::chrono::seconds(2));
}

}  // namespace bottle::launcher::docker
