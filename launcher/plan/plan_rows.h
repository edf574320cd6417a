#pragma once

#include <string>
#include <utility>
#include <vector>

#include "launcher/plan/plan.h"

namespace bottle::launcher {

// Parts of describe(): rows of a name and its words.
using PlanRows = std::vector<std::pair<std::string, std::string>>;
// The bounds of the bottle's processes, and its ports on this machine.
PlanRows machine_rows(const Plan& plan);
PlanRows guard_rows(const Plan& plan);

// With commas between; `nothing` if there is none.
std::string listed(const std::vector<std::string>& words, const std::string& nothing);

}  // namespace bottle::launcher
