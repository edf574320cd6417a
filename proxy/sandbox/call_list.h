#pragma once

#include "proxy/sandbox/sandbox.h"

namespace bottle {

// seccomp: from now on this thread and its children make the role's system calls alone. 0, or an
// errno. Needs PR_SET_NO_NEW_PRIVS.
[[nodiscard]] int limit_calls(SandboxRole role);

}  // namespace bottle
