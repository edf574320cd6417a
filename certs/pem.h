#pragma once

#include <string>
#include <string_view>

#include "certs/openssl_ptr.h"

namespace bottle::openssl {

// A certificate as text ("-----BEGIN CERTIFICATE-----"). Empty on failure.
[[nodiscard]] std::string pem_of(X509* certificate);
// The first certificate of a text. Null: there is none.
[[nodiscard]] X509Ptr certificate_in(std::string_view pem);

}  // namespace bottle::openssl
