#pragma once

#include <string>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// Moves the calling process (a child, single-threaded) into a new user namespace, in which it keeps
// its user and group ids and has every capability, and into the namespaces of `more` (CLONE_NEW…).
// False: errno says why. The kernel takes back a promised death of the parent on this change, so
// keep_death_promise() must follow.
bool enter_user_namespace(int more);

// Brings up the loopback interface of the process's network namespace. False: errno.
bool bring_up_loopback();

// Tries in a child whether this kernel lets this user do both. The Error says which setting
// forbids it and what to do; nothing is changed.
Expected<void> probe_namespaces();

// The Error for a failure of the above with `errno_value`; reads the settings that may be the
// cause. `root`: where /proc is, other than "/" in tests only.
Error explain_namespaces(int errno_value, const std::string& root = "");

}  // namespace bottle::launcher
