#pragma once

#include "proxy/sandbox/sandbox.h"

namespace bottle {

// Landlock (Linux 5.13): from now on this thread and its children reach no other files. 0, or an
// errno; ENOSYS and EOPNOTSUPP: the kernel has it not, or not switched on.
[[nodiscard]] int limit_files(const FileAccess& files);

}  // namespace bottle
