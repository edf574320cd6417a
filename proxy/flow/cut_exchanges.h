#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/flow/audit.h"

namespace bottle {

// The end of the log that is searched. A line has some 400 bytes: 20 000 lines.
inline constexpr std::uint64_t kSearchedTail = 8ull << 20;

// The exchanges that an audit log's end has begun and not ended, as records of their end: what a
// process that was killed could not write any more. For a log that no process writes at the moment.
// `path` as for AuditSink; of a log that is no file there are none.
[[nodiscard]] std::vector<AuditRecord> cut_exchanges(const std::string& path);

}  // namespace bottle
