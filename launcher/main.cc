#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "launcher/backend/backend.h"
#include "launcher/backend/bottle_control.h"
#include "launcher/backend/docker/docker_backend.h"
#include "launcher/backend/docker/docker_control.h"
#include "launcher/backend/local/enter.h"
#include "launcher/backend/local/local_backend.h"
#include "launcher/backend/local/local_control.h"
#include "launcher/backend/local/session_leader.h"
#include "launcher/backend/run_bottle.h"
#include "launcher/command/bottle_checks.h"
#include "launcher/command/bottles.h"
#include "launcher/command/command_line.h"
#include "launcher/command/completion.h"
#include "launcher/command/context.h"
#include "launcher/command/doctor.h"
#include "launcher/command/env.h"
#include "launcher/command/init.h"
#include "launcher/command/logs.h"
#include "launcher/demo/demo.h"
#include "launcher/lifetime/manifest_guard.h"
#include "launcher/lifetime/proxy_process.h"
#include "launcher/lifetime/registry.h"
#include "launcher/plan/git_workspace.h"

namespace bottle::launcher {
namespace {

int report(const Error& error) {
  std::cerr << "bottle: " << error.message << "\n";
  if (!error.hint.empty()) std::cerr << "bottle: hint: " << error.hint << "\n";
  return static_cast<int>(error.code);
}

// The table of backends, best first.
std::array<BackendEntry, 2> backends() {
  return {BackendEntry{"docker", docker::make_docker_backend, docker::make_docker_control,
                       docker::docker_is_ready},
          BackendEntry{"local", local::make_local_backend, local::make_local_control}};
}

std::string scanner_words(const Plan& plan) {
  if (plan.scanner == Scanner::kGuard) return "guard, built in, direct mode";
  if (plan.pipelock_url) return "pipelock " + *plan.pipelock_url;
  if (const auto* const containers = std::get_if<ContainerPlan>(&plan.made_of)) {
    return "pipelock in the image " + containers->pipelock_image;
  }
  return "pipelock " + std::get<ProcessPlan>(plan.made_of).pipelock;
}

std::string allowed_words(const Plan& plan) {
  constexpr std::size_t kMost = 8;
  if (plan.allow.empty()) return "no host (--allow HOST names one)";
  if (std::find(plan.allow.begin(), plan.allow.end(), "*") != plan.allow.end()) return "every host";
  std::string out;
  for (std::size_t i = 0; i < plan.allow.size() && i < kMost; ++i) {
    out += (i == 0 ? "" : ", ") + plan.allow[i];
  }
  if (plan.allow.size() > kMost)
    out += " and " + std::to_string(plan.allow.size() - kMost) + " more";
  return out;
}

// What killed launchers left. Every call but those that change nothing does it.
void reap(const Surroundings& around) {
  const auto remove = [](const BottleRecord& record) {
    for (const auto& entry : backends()) {
      if (entry.name == record.backend) {
        return entry.control()->remove_left_overs(record);
      }
    }
    return true;
  };
  const std::set<std::filesystem::path> bases{runtime_base(around), runtime_base(Surroundings{})};
  for (const auto& base : bases) reap_bottles(base, remove);
}

// This program goes along, and runs the command when it has found the bottle to be as it should be.
void check_first(BottleSpec& spec) {
  constexpr const char* kProgram = "/run/bottle-doctor";
  std::error_code ec;
  spec.mounts.push_back(
      {.host = std::filesystem::read_symlink("/proc/self/exe", ec).string(), .at = kProgram});
  std::vector<std::string> words{kProgram, "doctor"};
  if (spec.quiet) words.emplace_back("--quiet");
  words.emplace_back("--");
  spec.command.insert(spec.command.begin(), words.begin(), words.end());
}

Error nested() {
  return Error{ExitCode::kIsolation, "this is a bottle already, and a bottle holds no other",
               "run the command as it is, or start another bottle outside of this one"};
}

int start(const StartOptions& options, const Surroundings& around) {
  if (in_a_bottle(around)) return report(nested());
  auto spec = make_spec(options, around);
  if (!spec) return report(spec.error());
  if (options.check) check_first(*spec);
  const auto table = backends();
  const auto chosen = choose_backend(spec->backend, table);
  if (!chosen) return report(chosen.error());
  const auto backend = chosen->entry->make();
  const auto plan = backend->prepare(*spec, chosen->why);
  if (!plan) return report(plan.error());
  if (auto accepted = check_with_proxy(*plan); !accepted) return report(accepted.error());
  if (options.dry_run) {
    std::cout << describe(*plan) << std::flush;
    return static_cast<int>(ExitCode::kOk);
  }
  if (!plan->quiet) {
    std::cerr << "bottle: backend " << plan->backend << "; scanner " << scanner_words(*plan) << ": "
              << plan->scanner_why << "\n"
              << "bottle: allowed";
    if (!plan->manifest.empty()) std::cerr << " by " << plan->manifest.string();
    std::cerr << ": " << allowed_words(*plan) << "\n";
    for (const auto& note : plan->notes) std::cerr << "bottle: note: " << note << "\n";
  }
  reap(around);
  const ManifestGuard manifest(*plan);
  const GitGuard git(*plan);
  const auto status = run_bottle(*plan, *backend);
  for (const auto& file : manifest.changed()) {
    std::cerr
        << "bottle: warning: " << file.string()
        << " was made or changed while the bottle ran; it is the policy of the next start, so "
           "read it before\n";
  }
  for (const auto& file : git.removed()) {
    std::cerr << "bottle: warning: " << file.string()
              << " was made while the bottle ran, and is removed: git would have taken its "
                 "configuration and hooks from where that says\n";
  }
  if (!status) return report(status.error());
  return status->value;
}

// The commands besides `start`: one line each.
class Dispatch {
 public:
  explicit Dispatch(const Context& context) : context_(context) {}

  Expected<int> operator()(const PrintText& text) const {
    context_.out << text.text;
    return 0;
  }
  Expected<int> operator()(const StartOptions& options) const {
    return start(options, context_.around);
  }
  Expected<int> operator()(const RunDemo& demo) const {
    if (in_a_bottle(context_.around)) return nested();
    auto done = run_demo(demo.options, context_.around);
    if (!done) return std::move(done.error());
    return 0;
  }
  Expected<int> operator()(const ListOptions& options) const {
    context_.reap();
    return run_list(options, context_);
  }
  Expected<int> operator()(const StopOptions& options) const { return run_stop(options, context_); }
  Expected<int> operator()(const LogsOptions& options) const {
    context_.reap();
    return run_logs(options, context_);
  }
  Expected<int> operator()(const ExecOptions& options) const { return run_exec(options, context_); }
  Expected<int> operator()(const EnvOptions& options) const { return run_env(options, context_); }
  Expected<int> operator()(const DoctorOptions& options) const {
    return run_doctor(options, context_);
  }
  Expected<int> operator()(const InitOptions& options) const { return run_init(options, context_); }
  Expected<int> operator()(const CompletionOptions& options) const {
    return run_completion(options, context_);
  }

 private:
  const Context& context_;
};

int run(const std::vector<std::string>& arguments) {
  // Ignored by the caller, it would take the statuses of our children away.
  ::signal(SIGCHLD, SIG_DFL);
  if (!arguments.empty() && arguments.front() == local::kEnterWord) local::enter_main();
  if (!arguments.empty() && arguments.front() == local::kLeadWord) {
    local::lead_main({arguments.begin() + 1, arguments.end()});
  }
  const auto around = Surroundings::of_this_process();
  const auto meaning_of = [&around](const StartOptions& options, const std::string& word) {
    return around ? meaning_of_word(options, word, *around) : WordMeaning::kEntry;
  };
  const auto command = parse_command_line(arguments, meaning_of);
  if (!command) return report(command.error());
  if (!around) return report(around.error());
  const auto table = backends();
  const Context context{.around = *around,
                        .backends = table,
                        .out = std::cout,
                        .err = std::cerr,
                        .style = Style::for_descriptor(STDOUT_FILENO, *around),
                        .reap = [&around] { reap(*around); }};
  const auto status = std::visit(Dispatch(context), *command);
  std::cout << std::flush;
  return status ? *status : report(status.error());
}

}  // namespace
}  // namespace bottle::launcher

int main(int argc, char** argv) {
  try {
    return bottle::launcher::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::cerr << "bottle: out of memory, or a bug in bottle: " << error.what() << "\n";
    return static_cast<int>(bottle::ExitCode::kSystem);
  }
}
