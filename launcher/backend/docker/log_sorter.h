#pragma once

#include <filesystem>

#include "launcher/process.h"
#include "launcher/result.h"

namespace bottle::launcher::docker {

// The proxy in its container cannot write files here; it writes audit lines and its log to one
// stream. A child that reads `from` to its end: a line that begins with { is appended to `audit`,
// every other to `log`. When a file cannot be written it ends, and the proxy, whose lines then go
// nowhere, refuses. An audit file of kMostAudit bytes becomes FILE.1, and of kKeptAudits such files
// the oldest goes (as docs/config.md says of the proxy's own).
Result<Child> sort_log(const Fd& from, const std::filesystem::path& audit,
                       const std::filesystem::path& log);

inline constexpr std::uintmax_t kMostAudit = 64ULL * 1024 * 1024;
inline constexpr int kKeptAudits = 4;

}  // namespace bottle::launcher::docker
