#pragma once

#include <optional>

#include "certs/openssl_ptr.h"
#include "certs/signer_messages.h"

namespace bottle::openssl {

// A fresh P-256 key pair, held in a pre-3.0 EC_KEY: with such a key X509_set_pubkey costs 4 µs
// instead of the 190 µs that a provider key's way through the OSSL encoder takes. Has signed once,
// so that its copy for the providers exists before threads share it. Its secret number comes from
// OpenSSL's secure heap when there is one and is cleansed with the key. Null on failure.
[[nodiscard]] PkeyPtr new_p256_key();

// The public half of such a key.
[[nodiscard]] std::optional<PublicPoint> public_point(EVP_PKEY* key);
// A key that has a public half alone. Null: the point is not on the curve, or memory is short.
[[nodiscard]] PkeyPtr key_with_point(const PublicPoint& point);

}  // namespace bottle::openssl
