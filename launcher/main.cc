#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "launcher/backend.h"
#include "launcher/backend/local/local_backend.h"
#include "launcher/bottle_control.h"
#include "launcher/command_line.h"
#include "launcher/demo.h"
#include "launcher/manifest_guard.h"
#include "launcher/registry.h"

namespace bottle::launcher {
namespace {

int report(const Error& error) {
  std::cerr << "bottle: " << error.message << "\n";
  if (!error.hint.empty()) std::cerr << "bottle: hint: " << error.hint << "\n";
  return static_cast<int>(error.code);
}

// The table of backends, best first.
std::array<BackendEntry, 2> backends() {
  return {BackendEntry{"docker", nullptr}, BackendEntry{"local", local::make_local_backend}};
}

std::string scanner_words(const Plan& plan) {
  if (plan.scanner == Scanner::kPipelock) {
    return "pipelock " + (plan.pipelock ? plan.pipelock->binary : plan.pipelock_url.value_or(""));
  }
  return "guard, built in, direct mode";
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
        return !entry.control || entry.control()->remove_left_overs(record);
      }
    }
    return true;
  };
  const std::set<std::filesystem::path> bases{runtime_base(around), runtime_base(Surroundings{})};
  for (const auto& base : bases) reap_bottles(base, remove);
}

int start(const StartOptions& options, const Surroundings& around) {
  auto spec = make_spec(options, around);
  if (!spec) return report(spec.error());
  const auto table = backends();
  const auto chosen = choose_backend(spec->backend, table);
  if (!chosen) return report(chosen.error());
  const auto backend = chosen->entry->make();
  const auto plan = backend->prepare(*spec, chosen->why);
  if (!plan) return report(plan.error());
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
  const auto status = backend->launch(*plan);
  for (const auto& file : manifest.changed()) {
    std::cerr
        << "bottle: warning: " << file.string()
        << " was made or changed while the bottle ran; it is the policy of the next start, so "
           "read it before\n";
  }
  if (!status) return report(status.error());
  return status->value;
}

int run(const std::vector<std::string>& arguments) {
  auto command = parse_command_line(arguments);
  if (!command) return report(command.error());
  if (const auto* text = std::get_if<PrintText>(&*command)) {
    std::cout << text->text << std::flush;
    return static_cast<int>(ExitCode::kOk);
  }
  const auto around = Surroundings::of_this_process();
  if (!around) return report(around.error());
  if (const auto* demo = std::get_if<RunDemo>(&*command)) {
    const auto done = run_demo(demo->options, *around);
    return done ? static_cast<int>(ExitCode::kOk) : report(done.error());
  }
  return start(std::get<StartOptions>(*command), *around);
}

}  // namespace
}  // namespace bottle::launcher

int main(int argc, char** argv) {
  try {
    return bottle::launcher::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::cerr << "bottle: out of memory, or a bug in bottle: " << error.what() << "\n";
    return static_cast<int>(bottle::launcher::ExitCode::kSystem);
  }
}
