#pragma once

#include "certs/openssl_ptr.h"

namespace bottle::openssl {

// A fresh P-256 key pair, held in a pre-3.0 EC_KEY: with such a key X509_set_pubkey costs 4 µs
// instead of the 190 µs that a provider key's way through the OSSL encoder takes. Has signed once,
// so that its copy for the providers exists before threads share it. Its secret number comes from
// OpenSSL's secure heap when there is one and is cleansed with the key. Null on failure.
[[nodiscard]] PkeyPtr new_p256_key();

}  // namespace bottle::openssl
