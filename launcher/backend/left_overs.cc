#include "launcher/backend/left_overs.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>

#include "launcher/backend/bottle_control.h"
#include "launcher/lifetime/held_guard.h"
#include "launcher/lifetime/registry.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {

namespace {

// The launcher that would have told of these was killed.
void remove_forbidden(const BottleRecord& record) {
  const auto done = remove_after_kill(record.never_there);
  for (const auto& file : done.removed) {
    std::cerr << "bottle: warning: " << shell_quoted(file.string())
              << " was made while a bottle ran that was killed, and is removed: it would have made "
                 "git use the configuration and hooks of another repository\n";
  }
  for (const auto& file : done.kept) {
    std::cerr << "bottle: warning: " << shell_quoted(file.string())
              << " may have been made in a bottle that was killed, and cannot be removed: remove "
                 "it before you use git there\n";
  }
}

}  // namespace

void remove_left_overs(const Surroundings& around, std::span<const BackendEntry> table) {
  const auto remove = [table](const BottleRecord& record) {
    const auto entry = std::find_if(table.begin(), table.end(), [&record](const BackendEntry& one) {
      return one.name == record.backend;
    });
    // Before that succeeds, the agent may still run.
    if (entry != table.end() && !entry->control()->remove_left_overs(record)) return false;
    remove_forbidden(record);
    return true;
  };
  const std::set<std::filesystem::path> bases{runtime_base(around), runtime_base(Surroundings{})};
  for (const auto& base : bases) reap_bottles(base, remove);
}

}  // namespace bottle::launcher
