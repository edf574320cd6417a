#pragma once

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

// A way to make bottles. prepare() reads the world and changes nothing; launch() changes the world
// and decides nothing, so that a printed plan is what would happen.
class BottleBackend {
 public:
  virtual ~BottleBackend() = default;
  virtual Expected<Plan> prepare(const BottleSpec& spec, const std::string& why) = 0;
  // Runs the bottle to its end and removes what it made, also on failure.
  virtual Expected<ExitStatus> launch(const Plan& plan) = 0;
};

class BottleControl;  // bottle_control.h

// One row of the table of backends, which main() owns.
struct BackendEntry {
  std::string_view name;
  std::function<std::unique_ptr<BottleBackend>()> make;
  // For bottles that run already: exec, doctor, removing what was left.
  std::function<std::unique_ptr<BottleControl>()> control;
  // Whether this machine has what it needs, for a choice that nobody made. Null: it has.
  std::function<bool()> ready{};
};

struct ChosenBackend {
  const BackendEntry* entry;
  std::string why;
};

// What was asked for, else the first row that is ready; says why in a few words.
Expected<ChosenBackend> choose_backend(const std::optional<Choice>& asked,
                                       std::span<const BackendEntry> table);

}  // namespace bottle::launcher
