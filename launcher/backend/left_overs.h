#pragma once

#include <span>

#include "launcher/backend/backend.h"
#include "launcher/plan/spec.h"

namespace bottle::launcher {

// Removes what killed launchers left: their bottles' directories, and what each backend of `table`
// made outside of them. Every command does it, except those that change nothing.
void remove_left_overs(const Surroundings& around, std::span<const BackendEntry> table);

}  // namespace bottle::launcher
