#pragma once

#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Lays the command line's rules over those of the manifest, which `spec` has: home, asks, limits,
// the guard's rules and ports. The Error names the option that is wrong.
Expected<void> merge_rules(const StartOptions& options, BottleSpec& spec);

}  // namespace bottle::launcher
