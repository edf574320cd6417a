#pragma once

#include <string>
#include <vector>

#include "launcher/plan/plan.h"

namespace bottle::launcher::local {

// Lays the bottle's policy over Firefox's, if Firefox is installed here: over the file that it
// reads, or in a folder of it that gets this one file more.
void add_firefox_policy(std::vector<PlannedMount>& out);

// The content of the policy file that is laid over. Empty: there is none.
std::string firefox_policy_before();

}  // namespace bottle::launcher::local
