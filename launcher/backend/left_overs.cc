#include "launcher/backend/left_overs.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "launcher/backend/bottle_control.h"
#include "launcher/lifetime/registry.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {

void remove_left_overs(const Surroundings& around, std::span<const BackendEntry> table) {
  const auto remove = [table](const BottleRecord& record) {
    const auto entry = std::find_if(table.begin(), table.end(), [&record](const BackendEntry& one) {
      return one.name == record.backend;
    });
    return entry == table.end() || entry->control()->remove_left_overs(record);
  };
  const std::set<std::filesystem::path> bases{runtime_base(around), runtime_base(Surroundings{})};
  for (const auto& base : bases) reap_bottles(base, remove);
}

}  // namespace bottle::launcher
