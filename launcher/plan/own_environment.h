#pragma once

#include <string>

namespace bottle::launcher {

// Takes a variable out of this process's environment and overwrites its value where the kernel put
// it, so that neither /proc/PID/environ nor a child has it. Only before there are threads.
void wipe_variable(const std::string& name);

}  // namespace bottle::launcher
