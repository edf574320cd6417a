#pragma once

#include <cstdint>
#include <filesystem>

#include "launcher/process/process.h"
#include "proxy/contract/audit_schema.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::docker {

// The proxy in its container cannot write files here; it writes audit lines and its log to one
// stream. A child that reads `from` to its end: a line that begins with { is appended to the file
// of its part of the audit log (audit_schema.h), every other to `log`. When a file cannot be
// written it ends, and the proxy, whose lines then go nowhere, refuses. It outlives the launcher,
// for the last lines. Files are rotated as the proxy does with its own.
Expected<Child> sort_log(const Fd& from, const std::filesystem::path& audit,
                         const std::filesystem::path& log,
                         std::uintmax_t most_bytes = kMaxAuditFile);

}  // namespace bottle::launcher::docker
