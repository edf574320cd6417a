#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "launcher/plan/plan.h"
#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The exit status of the command that ran in the bottle, as a shell counts (128+n for a signal).
struct ExitStatus {
  int value = 0;
};

class RuntimeDir;    // lifetime/runtime_dir.h
class Registration;  // lifetime/registry.h
class SignalWatch;   // process/process.h

// The things that every bottle has, whichever backend makes it. run_bottle() owns them; they
// outlive the bottle.
struct BottleResources {
  const Plan& plan;
  const RuntimeDir& runtime;           // files that go with the bottle
  const std::filesystem::path& state;  // the directory for logs, which stays
  Registration& registration;
  SignalWatch& signals;
  const std::function<void()>& running;  // called once when the command runs, if it is set
};

// One bottle as a backend makes it: processes and namespaces, or containers and networks. The calls
// come in this order, each once. The destructor ends and removes everything that was made.
class BackendBottle {
 public:
  virtual ~BackendBottle() = default;
  // Makes everything but the command. Returns the fingerprint of the bottle's CA.
  virtual Expected<std::string> make() = 0;
  // Runs the command to its end. Fails if something that the bottle needs ends before it.
  virtual Expected<ExitStatus> run() = 0;
  // Lets the proxy finish, and ends what still runs. Returns false if lines of the audit log are
  // missing.
  virtual bool end() = 0;
};

// A way to make bottles. prepare() reads the world and changes nothing; a BackendBottle changes the
// world and decides nothing, so that a printed plan is what would happen.
class BottleBackend {
 public:
  virtual ~BottleBackend() = default;
  virtual Expected<Plan> prepare(const BottleSpec& spec, const std::string& why) = 0;
  // The last look before a start: fails if something that the plan needs does not answer. Makes
  // nothing.
  virtual Expected<void> check(const Plan& plan) = 0;
  // Takes `resources` for a new bottle. The caller takes note of the audit log after this, and
  // before make(): nothing of this bottle writes to the log until then.
  virtual Expected<std::unique_ptr<BackendBottle>> begin(const BottleResources& resources) = 0;
};

class BottleControl;  // bottle_control.h

// One row of the table of backends, which main() owns.
struct BackendEntry {
  std::string_view name;
  std::function<std::unique_ptr<BottleBackend>()> make;
  // For bottles that run already: exec, doctor, removing what was left.
  std::function<std::unique_ptr<BottleControl>()> control;
  // True if this machine has what the backend needs. Asked only when --backend was not given. Null:
  // it has.
  std::function<bool()> ready{};
};

struct ChosenBackend {
  const BackendEntry* entry;
  std::string why;
};

// Chooses the backend: the one that was asked for, else the first row that is ready;
// says why in a few words.
Expected<ChosenBackend> choose_backend(const std::optional<Choice>& asked,
                                       std::span<const BackendEntry> table);

}  // namespace bottle::launcher
