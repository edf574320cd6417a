#include "launcher/plan/home_folder.h"

#include <algorithm>
#include <cstdint>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 40;  // of the part that people read

std::string hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 16; shift -= 4) out += kHex[(hash >> shift) & 0xfU];
  return out;
}

}  // namespace

HomeKey home_key(const Plan& plan) {
  std::error_code ec;
  const auto manifest = fs::weakly_canonical(plan.manifest, ec);
  return {plan.manifest.empty() ? plan.workspace : manifest.parent_path(), plan.bottle};
}

std::string home_folder_name(const HomeKey& key) {
  std::string name = key.project.filename().string();
  if (key.bottle != "default") name += "-" + key.bottle;
  std::replace_if(
      name.begin(), name.end(),
      [](char c) {
        return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_';
      },
      '-');
  name.resize(std::min(name.size(), kLongestName));
  if (name.empty() || name.front() == '-') name = "home" + name;
  return name + "-" + hash_of(key.project.string() + '\0' + key.bottle);
}

Expected<void> plan_home(const BottleSpec& spec, Plan& plan) {
  if (spec.home != HomeKind::kKept) return {};
  std::error_code ec;
  const auto base = fs::weakly_canonical(plan.state_base, ec);
  if (ec || is_below(base, plan.workspace)) {
    return Error{ExitCode::kIsolation,
                 "a kept home would be in " + plan.state_base.string() +
                     ", which lies in the workspace: the agent could change what is beside it",
                 "set XDG_STATE_HOME to a directory outside of the workspace, or use --home "
                 "private"};
  }
  plan.home = base / kHomesName / home_folder_name(home_key(plan));
  return {};
}

void put_logins_in_home(Plan& plan) {
  for (auto& login : plan.logins) {
    const bool in_home = login.mounted.empty() && is_below(login.at, fs::path(kAgentHome));
    if (plan.home.empty() || !in_home) continue;
    login.mounted = plan.home / kHomeName / login.at.lexically_relative(kAgentHome);
  }
}

bool covers(const std::vector<PlannedMount>& mounts, std::string_view place) {
  using Kind = PlannedMount::Kind;
  return std::any_of(mounts.begin(), mounts.end(), [place](const PlannedMount& mount) {
    const bool of_caller = mount.kind == Kind::kReadOnly || mount.kind == Kind::kWritable;
    return of_caller && is_below(fs::path(place), mount.at);
  });
}

}  // namespace bottle::launcher
