#pragma once

// Settings that the TLS contexts of both sides have in common.
namespace bottle {

inline constexpr const char* kTlsGroups = "X25519:P-256:P-384";

// Throws std::runtime_error with OpenSSL's errors unless a setting was taken: contexts are made at
// the start, and no proxy may go on with one that is half made.
void require_openssl(bool done, const char* what);

}  // namespace bottle
