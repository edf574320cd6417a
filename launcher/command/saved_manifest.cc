#include "launcher/command/saved_manifest.h"

#include <system_error>

#include "launcher/lifetime/known_manifest.h"
#include "launcher/lifetime/registry.h"
#include "launcher/plan/plan.h"
#include "launcher/process/plain_text.h"

namespace bottle::launcher {

void tell_bottles(const std::filesystem::path& file, const std::string& before,
                  const std::string& after, const Context& context) {
  const auto base = state_base(context.around);
  if (!base) return;
  for (const BottleRecord& record : living_bottles(runtime_base(context.around))) {
    if (record.manifest.empty()) continue;
    std::error_code ec;
    if (std::filesystem::canonical(record.manifest, ec) != file || ec) continue;
    const auto state = *base / record.id;
    if (known_manifest(state) == before) remember_manifest(state, after);
  }
}

std::string shown_path(const std::filesystem::path& file) {
  constexpr std::size_t kMost = 4096;
  return printable(file.string(), kMost);
}

}  // namespace bottle::launcher
