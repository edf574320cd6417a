#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// A Java key store (JKS, format version 2) that trusts the one certificate in `pem`, for
// -Djavax.net.ssl.trustStore. Everything a bottle reaches is signed by its CA, so no other root is
// needed. Written here instead of by keytool because that takes most of a second at every start.
Expected<std::string> java_trust_store(std::string_view pem, std::string_view password);

// Files in which distributions keep the roots of JVMs that get no options. A backend puts the store
// over those that exist.
std::span<const std::string_view> system_java_stores();

}  // namespace bottle::launcher
