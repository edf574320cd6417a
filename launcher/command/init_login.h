#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "launcher/command/init.h"

namespace bottle::launcher {

// The parts of `bottle init`'s manifest that are about logins (`bottle login`).

// A preset, and the variable with its key; views into its table.
struct PresetKey {
  std::string_view preset;
  std::string_view key;
};

// The hosts that the preset's agent needs for a login that is kept outside, which takes the place
// of a key that is not set. Empty if there is no login, or a key.
std::vector<std::string> login_hosts(const PresetKey& preset, const InitFacts& facts);

// The entry with the comment before it, as lines of a bottle; commented out if no login is used.
// Empty if none of the presets can have one.
std::string login_lines(const std::vector<PresetKey>& presets, const InitFacts& facts);

}  // namespace bottle::launcher
