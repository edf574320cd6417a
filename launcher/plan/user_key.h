#pragma once

#include <filesystem>
#include <string_view>

#include "proxy/contract/error.h"
#include "proxy/contract/guard_settings.h"

namespace bottle::launcher {

// A random key of the user: a file of 32 bytes below the state directory, made once, mode 0600.
struct UserKeyFile {
  const char* name;
  std::string_view of;       // for errors: what it is the key of
  std::string_view if_lost;  // for errors: what another key changes
};

// Without it a fingerprint (docs/guard.md) does not tell its reader whether a guessed value is the
// right one.
inline constexpr UserKeyFile kFingerprintKeyFile{
    "fingerprint.key", "the fingerprints",
    "the fingerprints in the manifest's \"ignore\" have to be made anew"};
// Without it placeholders (docs/credentials.md) cannot be guessed.
inline constexpr UserKeyFile kPlaceholderKeyFile{"placeholder.key", "the placeholders",
                                                 "the credentials' placeholders change"};

using UserKey = FingerprintKey;

// Reads it, and makes it if there is none. Starts at the same time agree on one key. The Error
// names a file that others can read or that is no key.
Expected<UserKey> user_key(const std::filesystem::path& state_base, const UserKeyFile& which);

}  // namespace bottle::launcher
