#pragma once

#include <filesystem>

#include "proxy/contract/error.h"
#include "proxy/contract/guard_settings.h"

namespace bottle::launcher {

// The key of the user's fingerprints (docs/guard.md): a file below the state directory, made once,
// mode 0600. Without it a fingerprint does not tell its reader whether a guessed value is the right
// one.
inline constexpr const char* kFingerprintKeyName = "fingerprint.key";

// Reads it, and makes it if there is none. Starts at the same time agree on one key. The Error
// names a file that others can read or that is no key.
Expected<FingerprintKey> fingerprint_key(const std::filesystem::path& state_base);

}  // namespace bottle::launcher
