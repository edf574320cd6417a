#pragma once

#include <cstddef>

#include "launcher/backend/docker/engine.h"

namespace bottle::launcher::docker {

// Removes the containers and networks of this user's and this machine's bottles whose launcher was
// killed: those whose lease file (a label names it) is not locked or not there. Touches nothing
// that lives, and nothing without bottle's labels. Returns how many bottles went.
std::size_t reap(const Engine& engine, SignalWatch* signals);

// The same for one bottle whose launcher is known to be gone. False: something may be left.
bool remove_bottle(const Engine& engine, const std::string& id);

}  // namespace bottle::launcher::docker
