#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"

namespace bottle {

using FingerprintKey = std::array<unsigned char, 16>;

// A keyed hash (SipHash-2-4 with 128 bits of output).
[[nodiscard]] std::array<unsigned char, 16> keyed_hash(const FingerprintKey& key,
                                                       ByteView text) noexcept;

// The name of a found text that may be shown: the first 80 bits of its keyed hash, in base32 (16
// lower-case characters). Who lacks the key cannot test guesses against it.
[[nodiscard]] std::string fingerprint(const FingerprintKey& key, ByteView text);

}  // namespace bottle
