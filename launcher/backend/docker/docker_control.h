#pragma once

#include <memory>

#include "launcher/backend/bottle_control.h"

namespace bottle::launcher::docker {

// exec, doctor's lines and left-overs of bottles made of containers. Ending one is the registry's:
// its launcher removes everything.
std::unique_ptr<BottleControl> make_docker_control();

}  // namespace bottle::launcher::docker
