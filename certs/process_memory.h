#pragma once

#include <string>
#include <vector>

namespace bottle {

// Called first thing in main, before a key exists: no core dumps (RLIMIT_CORE 0), no ptrace and no
// /proc/PID/mem for others (PR_SET_DUMPABLE 0), a locked and undumpable heap for OpenSSL's secret
// numbers (OPENSSL_secure_malloc). Measures that the system does not allow come back as
// warnings, for a person; keys are then still only in memory.
[[nodiscard]] std::vector<std::string> harden_process_memory();

}  // namespace bottle
