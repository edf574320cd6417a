#pragma once

#include <span>

namespace bottle {

// Closes all descriptors of this process from 3 on, except those of `kept`.
void close_all_but(std::span<const int> kept);

}  // namespace bottle
