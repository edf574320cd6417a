#pragma once

#include <string>
#include <vector>

#include "launcher/plan/spec.h"

namespace bottle::launcher {

// Adds bottle-proxy's options for the rules of single hosts: the guard's, and those of origins.
void add_rule_arguments(const BottleSpec& spec, std::vector<std::string>& arguments);

}  // namespace bottle::launcher
