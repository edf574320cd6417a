#include "launcher/backend/run_bottle.h"

#include <iostream>
#include <optional>
#include <utility>

#include "launcher/backend/ask_crier.h"
#include "launcher/backend/bottle_control.h"
#include "launcher/backend/port_forward.h"
#include "launcher/backend/secret_refresh.h"
#include "launcher/lifetime/audit_summary.h"
#include "launcher/lifetime/git_signer.h"
#include "launcher/lifetime/host_ports.h"
#include "launcher/lifetime/kept_home.h"
#include "launcher/lifetime/known_manifest.h"
#include "launcher/lifetime/registry.h"
#include "launcher/lifetime/runtime_dir.h"
#include "launcher/plan/token_command.h"
#include "launcher/process/own_memory.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

// bottle-proxy has the values that are kept out of the bottle: no other process keeps them.
void forget_kept_out(const Plan& plan) {
  for (const auto& secret : plan.secrets) {
    if (secret.placeholder) secret.value.forget();
  }
  HiddenMemory::show();
}

void tell_of(const KeptHome& home, const Plan& plan) {
  if (home.is_new()) {
    std::cerr << "bottle: home: new, and kept for the next start (`bottle home`)\n";
  } else if (const auto size = home.large(); !size.empty()) {
    std::cerr << "bottle: warning: the kept home has " << size << ": " << plan.home.string()
              << "; bottle home rm removes it\n";
  }
}

// Nothing if the plan asks no one.
Expected<std::optional<AskCrier>> start_asks(const Plan& plan, const std::filesystem::path& state,
                                             const TellProxy& tell) {
  if (!plan.ask.asks) return std::optional<AskCrier>();
  const AskCrierSettings settings{.bottle = plan.id,
                                  .command = plan.ask.command,
                                  .prints = !plan.quiet && !agent_has_the_screen(),
                                  .log = state / "asks.log"};
  auto crier = AskCrier::start(settings, tell);
  if (!crier) return std::move(crier.error());
  return std::optional<AskCrier>(std::move(*crier));
}

// The bottle's ports on this machine, while they are open.
struct OpenPorts {
  PortNote note;
  Child child;
};

Expected<std::optional<OpenPorts>> open_to_host(std::vector<HostPort>& ports,
                                                BottleControl& control, const BottleRecord& bottle,
                                                const RuntimeDir& runtime, const Plan& plan) {
  if (ports.empty()) return std::optional<OpenPorts>();
  auto child = start_forwarding(ports, control, bottle);
  if (!child) return std::move(child.error());
  auto note = PortNote::write(runtime.path(), ports);
  if (!note) return std::move(note.error());
  if (const auto warning = warning_about(plan.publish_address); !warning.empty()) {
    std::cerr << "bottle: warning: " << warning << "\n";
  }
  for (auto& port : ports) {
    port.listener.reset();  // the child has it: with that, it is closed
    if (plan.quiet) continue;
    std::cerr << "bottle: port " << port.rule.inside << " of the bottle is open at "
              << place_of(port) << "\n";
  }
  return std::optional<OpenPorts>(OpenPorts{std::move(*note), std::move(*child)});
}

}  // namespace

Expected<ExitStatus> run_bottle(const Plan& plan, BottleBackend& backend, BottleControl& control,
                                const WhenRunning& running) {
  if (auto ready = backend.check(plan); !ready) return std::move(ready.error());
  auto ports = open_ports(plan.ports, plan.publish_address);
  if (!ports) return std::move(ports.error());
  std::optional<KeptHome> home;  // until nothing of the bottle is left
  if (!plan.home.empty()) {
    auto taken = KeptHome::take(plan);
    if (!taken) return std::move(taken.error());
    home.emplace(std::move(*taken));
    if (!plan.quiet) tell_of(*home, plan);
  }
  SignalWatch signals;
  auto runtime = RuntimeDir::create(plan.runtime_base, plan.id);
  if (!runtime) return std::move(runtime.error());
  auto registration = Registration::publish(*runtime, plan);
  if (!registration) return std::move(registration.error());
  auto state = make_state_dir(plan.state_base, plan.id, plan.runtime_base);
  if (!state) return std::move(state.error());
  if (!plan.manifest.empty()) copy_manifest(*state, plan.manifest);
  std::optional<GitSigner> signer;
  if (plan.git.sign) {
    auto opened = GitSigner::open(plan, *runtime, *state);
    if (!opened) return std::move(opened.error());
    signer.emplace(std::move(*opened));
  }
  std::function<void()> tell_running;
  if (running) tell_running = [&] { running(runtime->path(), *state); };
  auto bottle = backend.begin({.plan = plan,
                               .runtime = *runtime,
                               .state = *state,
                               .registration = *registration,
                               .signals = signals,
                               .running = tell_running});
  if (!bottle) return std::move(bottle.error());
  const AuditMark before = AuditMark::of(plan.audit);
  auto fingerprint = (*bottle)->make();
  if (!fingerprint) return std::move(fingerprint.error());
  forget_kept_out(plan);
  auto open = open_to_host(*ports, control, registration->record(), *runtime, plan);
  if (!open) return std::move(open.error());
  if (!plan.quiet) std::cerr << "bottle: CA sha256 " << *fingerprint << "\n";
  const TellProxy tell = [&](const std::string& message) {
    return control.tell_proxy(registration->record(), runtime->path(), message);
  };
  auto refresh = start_refresh(
      plan.sources,
      [](const SecretSource& source) { return token_of_command(source.name, source.words); }, tell);
  if (!refresh) return std::move(refresh.error());
  auto asks = start_asks(plan, *state, tell);
  if (!asks) return std::move(asks.error());
  if (signer) {
    if (auto started = signer->start(); !started) return std::move(started.error());
  }
  auto status = (*bottle)->run();
  refresh->reset();
  asks->reset();
  open->reset();
  const bool log_is_complete = (*bottle)->end();
  if (home) home->note_size();
  if (signer && !plan.quiet) std::cerr << signer->report();
  if (status && !plan.quiet) std::cerr << closing_report(before, log_is_complete);
  return status;
}

}  // namespace bottle::launcher
