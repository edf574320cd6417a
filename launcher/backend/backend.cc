#include "launcher/backend/backend.h"

namespace bottle::launcher {

Expected<ChosenBackend> choose_backend(const std::optional<Choice>& asked,
                                       std::span<const BackendEntry> table) {
  std::string existing;
  std::string reserved;
  std::string unready;
  for (const auto& entry : table) {
    auto& list = entry.make ? existing : reserved;
    list += (list.empty() ? "" : ", ") + std::string(entry.name);
  }
  for (const auto& entry : table) {
    if (!asked) {
      if (!entry.make) continue;
      if (entry.ready && !entry.ready()) {
        unready += (unready.empty() ? "" : ", ") + std::string(entry.name);
        continue;
      }
      const std::string why = !unready.empty()   ? "not ready here: " + unready
                              : reserved.empty() ? "the default"
                                                 : "the only one so far; not yet: " + reserved;
      return ChosenBackend{&entry, why};
    }
    if (entry.name != asked->value) continue;
    if (entry.make) return ChosenBackend{&entry, asked->why};
    return Error{
        ExitCode::kNotYet,
        "not yet: the backend \"" + asked->value + "\" has not been built (" + asked->why + ")",
        "what exists: " + existing};
  }
  return Error{ExitCode::kUsage,
               asked ? "unknown backend \"" + asked->value + "\" (" + asked->why + ")"
                     : "there is no backend",
               "what exists: " + existing};
}

}  // namespace bottle::launcher
