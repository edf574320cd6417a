#include "launcher/backend/backend.h"

namespace bottle::launcher {

Expected<ChosenBackend> choose_backend(const std::optional<Choice>& asked,
                                       std::span<const BackendEntry> table) {
  std::string existing;
  std::string unready;
  for (const auto& entry : table) {
    existing += (existing.empty() ? "" : ", ") + std::string(entry.name);
  }
  for (const auto& entry : table) {
    if (asked) {
      if (entry.name == asked->value) return ChosenBackend{&entry, asked->why};
      continue;
    }
    if (!entry.ready || entry.ready()) {
      return ChosenBackend{&entry, unready.empty() ? "the default" : "not ready here: " + unready};
    }
    unready += (unready.empty() ? "" : ", ") + std::string(entry.name);
  }
  return Error{ExitCode::kUsage,
               asked ? "unknown backend \"" + asked->value + "\" (" + asked->why + ")"
                     : "there is no backend",
               "what exists: " + existing};
}

}  // namespace bottle::launcher
