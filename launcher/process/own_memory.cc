#include "launcher/process/own_memory.h"

#include <sys/prctl.h>

namespace bottle::launcher {

HiddenMemory::HiddenMemory() { ::prctl(PR_SET_DUMPABLE, 0); }

void HiddenMemory::show() { ::prctl(PR_SET_DUMPABLE, 1); }

}  // namespace bottle::launcher
