#include "launcher/command/start.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "launcher/backend/bottle_control.h"
#include "launcher/backend/run_bottle.h"
#include "launcher/command/bottle_checks.h"
#include "launcher/command/learned.h"
#include "launcher/demo/demo.h"
#include "launcher/lifetime/held_guard.h"
#include "launcher/lifetime/held_terminal.h"
#include "launcher/lifetime/manifest_guard.h"
#include "launcher/lifetime/proxy_process.h"
#include "launcher/manifest/manifest.h"
#include "launcher/plan/ask_plan.h"
#include "launcher/plan/host_path.h"
#include "launcher/plan/own_environment.h"
#include "launcher/plan/plan.h"
#include "launcher/process/own_memory.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

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

Error two_commands(const std::string& word) {
  return usage_error("\"" + word + "\" is a command, and after -- there is another one",
                     "what stands before -- is a bottle or an agent of the manifest; a command: "
                     "bottle start -- " +
                         word);
}

// Arguments of an agent that were probably meant for bottle. Taken as bottle's they could loosen
// its policy, from wherever the arguments came; left to the agent they would silently not hold.
std::optional<Error> wrong_argument(const std::string& agent, const std::vector<std::string>& words,
                                    const std::vector<Option>& own) {
  for (const auto& word : words) {
    if (word == "--") {
      return usage_error("\"" + agent + "\" gets arguments before -- and another command after it",
                         "give the whole command: bottle start " + agent + " -- COMMAND...");
    }
    const std::string name = word.substr(0, word.find('='));
    const bool known =
        name.starts_with("--") && std::any_of(own.begin(), own.end(), [&name](const Option& one) {
          const auto names = one.each_name();
          return std::find(names.begin(), names.end(), name) != names.end();
        });
    if (!known) continue;
    return usage_error(
        name + " after the name would be an argument of " + agent + ", and is an option of bottle",
        "an option of bottle stands before the name: bottle start " + name + " ... " + agent +
            "; for the agent give the whole command: bottle " + "start " + agent +
            " -- COMMAND...");
  }
  return std::nullopt;
}

Error nested() {
  return Error{ExitCode::kIsolation,
               "this is a bottle already, and a bottle cannot be started in one",
               "run the command as it is, or start another bottle outside of this one"};
}

void announce(const Plan& plan, std::ostream& out) {
  out << "bottle: backend " << plan.backend << "; scanner " << scanner_words(plan) << ": "
      << plan.scanner_why << "\n"
      << "bottle: allowed";
  if (!plan.manifest.empty()) out << " by " << plan.manifest.string();
  out << ": " << allowed_words(plan) << other_hosts_words(plan.ask) << "\n";
  for (const auto& note : plan.notes) out << "bottle: note: " << note << "\n";
}

void tell_changed(const HeldGuard::Changed& changed, std::ostream& out) {
  if (!changed.files.empty()) {
    out << "bottle: warning: your own tools run or read these files, and they were made or changed "
           "while the bottle ran: ";
    for (std::size_t i = 0; i < changed.files.size(); ++i) {
      out << (i == 0 ? "" : ", ") << shell_quoted(changed.files[i].string());
    }
    if (changed.more > 0) out << " and " << changed.more << " more";
    out << "; look at them before you go on in that folder\n";
  }
  if (changed.cut) {
    out << "bottle: warning: the workspace is too large to be looked through for new files that "
           "your own tools run or read, such as .envrc and .vscode\n";
  }
}

void tell_error(const Error& error, std::ostream& out) {
  out << "bottle: " << error.message << "\n";
  if (!error.hint.empty()) out << "bottle: hint: " << error.hint << "\n";
}

// Runs the bottle, and says which files that later starts and other tools rely on changed
// meanwhile.
using WhenPlanRuns = std::function<void(const Plan& plan, const std::filesystem::path& runtime,
                                        const std::filesystem::path& state)>;
Expected<ExitStatus> run_guarded(const Plan& plan, BottleBackend& backend, BottleControl& control,
                                 std::ostream& out, const WhenPlanRuns& running) {
  const ManifestGuard manifest(plan);
  const HeldGuard held(plan);
  WhenRunning tell;
  if (running)
    tell = [&](const auto& runtime, const auto& state) { running(plan, runtime, state); };
  auto status = run_bottle(plan, backend, control, tell);
  // First of all: the messages below may have to wait for the person's terminal.
  const auto removed = held.removed();
  for (const auto& file : manifest.changed()) {
    out << "bottle: warning: " << file.string()
        << " was made or changed while the bottle ran; it is the policy of the next start, so "
           "read it before\n";
  }
  for (const auto& file : removed) {
    out << "bottle: warning: " << file.string()
        << " was made while the bottle ran, and is removed: it would have made git use "
           "the configuration and hooks of another repository\n";
  }
  if (status) tell_changed(held.changed(), out);
  return status;
}

// All of a start that comes after the questions to the person. `signals` is set when the bottle is
// about to begin, and outlives the work after its end: a signal in that time, which the agent can
// bring about, does not end the launcher before the guards have looked.
Expected<int> run_spec(const StartOptions& options, BottleSpec& spec, const Context& context,
                       const WhenPlanRuns& running, std::optional<SignalWatch>& signals) {
  if (options.check) check_first(spec);
  const auto chosen = choose_backend(spec.backend, context.backends);
  if (!chosen) return chosen.error();
  const auto backend = chosen->entry->make();
  auto plan = backend->prepare(spec, chosen->why);
  if (!plan) return std::move(plan.error());
  const auto accepted = check_with_proxy(*plan);
  if (!accepted) return accepted.error();
  plan->notes.insert(plan->notes.end(), accepted->begin(), accepted->end());
  if (options.dry_run) {
    context.out << describe(*plan);
    return 0;
  }
  if (!plan->quiet) announce(*plan, context.err);
  if (plan->ask.learns) warn_of_learning(context.err);
  context.reap();
  const auto control = chosen->entry->control();
  const AuditMark before = AuditMark::of(plan->audit);
  signals.emplace();
  auto status = run_guarded(*plan, *backend, *control, context.err, running);
  if (status && plan->ask.learns) propose_learned(*plan, before, context.err);
  if (!status) return std::move(status.error());
  return status->value;
}

// The caller waits until the command runs. In the launcher errors are told here: after
// detachment.ended() no terminal shows them.
Expected<int> run_detached(Detachment& detachment, const StartOptions& options, BottleSpec& spec,
                           const Context& context) {
  const auto launcher = detachment.split();
  if (!launcher) return launcher.error();
  if (!*launcher) {
    const auto start = detachment.wait();
    if (!start.id.empty()) context.out << start.id << "\n";
    return start.status;
  }
  const auto running = [&detachment](const Plan& plan, const std::filesystem::path& runtime,
                                     const std::filesystem::path& state) {
    // A bottle whose id was not told to its caller ends.
    if (!detachment.running(plan.id, runtime, state)) ::raise(SIGTERM);
  };
  std::optional<SignalWatch> signals;
  const auto status = run_spec(options, spec, context, running, signals);
  if (!status) tell_error(status.error(), context.err);
  context.out << std::flush;
  const int value = status ? *status : to_status(status.error().code);
  detachment.ended(value);
  return value;
}

}  // namespace

Expected<void> check_start(const StartOptions& options) {
  if (options.name == kDemoName && options.detach) {
    return usage_error("the demo is there to be seen", "bottle start demo, without --detach");
  }
  if (options.name != kDemoName || options.command.empty()) return {};
  return usage_error("the demo has a command of its own", "bottle start demo, without --");
}

Expected<int> run_start(const StartOptions& options, const Context& context) {
  if (in_a_bottle(context.around)) return nested();
  if (options.name == kDemoName) {
    auto done = run_demo(options, context.around);
    if (!done) return std::move(done.error());
    return 0;
  }
  std::optional<Detachment> detachment;
  if (options.detach && !options.dry_run) {
    auto started = Detachment::start();
    if (!started) return std::move(started.error());
    detachment.emplace(std::move(*started));
  }
  const HiddenMemory until_handed_over;
  auto spec = make_spec(options, context.around);
  if (!spec) return std::move(spec.error());
  if (spec->host_path) use_host_path(*spec->host_path);
  for (const auto& name : spec->env.taken) {
    context.around.env.erase(name);
    wipe_variable(name);
  }
  std::optional<SignalWatch> signals;
  if (!detachment) return run_spec(options, *spec, context, {}, signals);
  return run_detached(*detachment, options, *spec, context);
}

Expected<std::unique_ptr<Command>> read_bare_start(const BareWords& words) {
  const auto begin = words.arguments.begin();
  const auto end = words.arguments.end();
  const auto here = begin + static_cast<std::ptrdiff_t>(words.at);
  const std::string& word = *here;
  // Its options can stand anywhere.
  if (word == kDemoName) return words.read(words.arguments);
  auto before = words.read({begin, here});
  if (!before) return before;
  auto* const options = values_of<StartOptions>(**before);
  if (options == nullptr) return before;  // --help
  const auto meaning = words.meaning_of ? words.meaning_of(*options, word) : WordMeaning::kEntry;
  const auto next = here + 1;
  if (meaning == WordMeaning::kCommand) {
    if (next != end && *next == "--") return two_commands(word);
    options->command.assign(here, end);
    return before;
  }
  // With a command behind --, the words between cannot be arguments.
  if (next == end || std::find(next, end, "--") != end) return words.read(words.arguments);
  options->name = word;
  options->arguments.assign(next, end);
  // If there is no such entry, making the bottle says so.
  if (meaning == WordMeaning::kNeither) return before;
  const auto own = dynamic_cast<TableCommand&>(**before).option_list();
  if (auto wrong = wrong_argument(word, options->arguments, own)) return std::move(*wrong);
  return before;
}

}  // namespace bottle::launcher
