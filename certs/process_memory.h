#pragma once

#include <string>
#include <vector>

namespace bottle {

// Called first thing in main, before a key exists, for this process and its children: no core dumps
// (RLIMIT_CORE 0), no ptrace and no /proc/PID/mem for others (PR_SET_DUMPABLE 0). Measures that the
// system does not allow come back as warnings, for a person.
[[nodiscard]] std::vector<std::string> forbid_dumps();

// The same, and a locked and undumpable heap for OpenSSL's secret numbers (OPENSSL_secure_malloc).
// Called in the process that has the keys, since a child does not inherit the locks. Where it is
// not allowed, keys are still only in memory.
[[nodiscard]] std::vector<std::string> harden_process_memory();

}  // namespace bottle
