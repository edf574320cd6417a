#pragma once

#include <string>

#include "proxy/ledger/known_text.h"
#include "proxy/scanner/scanner_life.h"

namespace bottle {

// Keeps what a scanner has passed for the next proxy of the same user and the same scanner: marks
// under a key, no texts. A file of mode 0600 and at most about 2 MiB, which is replaced as a whole.
// Without the file, or with one that is not whole, nothing counts as passed yet.

// Before `known` and `life` are used. A file that cannot be read is no error.
void load_seen(const std::string& file, KnownText& known, ScannerLife& life);
// False: it could not be written.
[[nodiscard]] bool save_seen(const std::string& file, KnownText& known, ScannerLife& life);

}  // namespace bottle
