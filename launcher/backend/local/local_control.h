#pragma once

#include <memory>

#include "launcher/backend/bottle_control.h"

namespace bottle::launcher::local {

std::unique_ptr<BottleControl> make_local_control();

}  // namespace bottle::launcher::local
