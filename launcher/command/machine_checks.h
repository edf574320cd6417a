#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/backend/bottle_control.h"
#include "launcher/command/context.h"
#include "launcher/plan/parent_plan.h"

namespace bottle::launcher {

// Checks what a machine needs to make bottles, in the order in which it is shown. Changes nothing.
std::vector<Finding> machine_checks(const Context& context);

// The single ones, on values that tests make up.
// `now` and `program` (when this program was built): seconds since 1970.
Finding clock_check(std::int64_t now, std::int64_t program, bool synchronised);
// Free bytes where the proxy keeps large request bodies.
Finding spool_check(const std::string& directory, bool writable, std::uint64_t free_bytes);
// The file with the system's roots and its content; empty `file`: there is none.
Finding roots_check(const std::string& file, const std::string& content);
// The proxy that HTTPS_PROXY names, which a bottle uses only where it is told to.
Finding parent_check(const HostsParent& host);

}  // namespace bottle::launcher
