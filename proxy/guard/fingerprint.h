#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/contract/guard_settings.h"

namespace bottle {

using HashKey = std::array<unsigned char, 16>;

// A keyed hash (SipHash-2-4 with 128 bits of output).
[[nodiscard]] std::array<unsigned char, 16> keyed_hash(const HashKey& key, ByteView text) noexcept;

// The name of a found text that may be shown: the first 80 bits of its keyed hash, in base32 (16
// lower-case characters). Without the key no guess can be tested against it. The hash takes the
// first half of the key.
[[nodiscard]] std::string fingerprint(const FingerprintKey& key, ByteView text);

}  // namespace bottle
