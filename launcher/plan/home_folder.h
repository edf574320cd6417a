#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/plan/plan.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Where a bottle's home is in every bottle.
inline constexpr std::string_view kAgentHome = "/home/agent";
// Below the state directory: the homes that are kept, a folder each.
inline constexpr std::string_view kHomesName = "homes";
// In such a folder: the bottle's home. Files beside it are the launcher's alone.
inline constexpr std::string_view kHomeName = "home";

// The owner of a kept home: bottles of the same name in one project have the same home.
struct HomeKey {
  std::filesystem::path project;  // canonical: the manifest's folder, or else the workspace
  std::string bottle;
};
HomeKey home_key(const Plan& plan);

// NAME-HASH. Two keys may have the same name by an unlikely chance, so the folder says whose it is.
std::string home_folder_name(const HomeKey& key);

// Sets plan.home if the spec asks for a kept one. Fails if the agent could change what is beside
// it. Needs plan.workspace, plan.manifest and plan.state_base.
Expected<void> plan_home(const BottleSpec& spec, Plan& plan);

// Agents keep answers and conversations beside their login: with a kept home it is written there.
void put_logins_in_home(Plan& plan);

// Whether the place is the caller's own in the bottle: one of the mounts, other than the home,
// holds it.
bool covers(const std::vector<PlannedMount>& mounts, std::string_view place);

}  // namespace bottle::launcher
