#pragma once

#include <string>

#include "proxy/base/bytes.h"
#include "proxy/contract/guard_settings.h"

namespace bottle {

// The name of a found text that may be shown: the first 80 bits of its keyed hash, in base32 (16
// lower-case characters). Without the key no guess can be tested against it. The hash takes the
// first half of the key.
[[nodiscard]] std::string fingerprint(const FingerprintKey& key, ByteView text);

}  // namespace bottle
