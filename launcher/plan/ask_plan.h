#pragma once

#include <string>

#include "launcher/manifest/ask_entry.h"

namespace bottle::launcher {

// The words for an allowlist without an entry.
std::string no_host_words(const AskEntry& ask);
// Tells, behind an allowlist, what becomes of requests for other hosts. Empty: they are refused.
std::string other_hosts_words(const AskEntry& ask);

}  // namespace bottle::launcher
