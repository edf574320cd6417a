#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bottle::launcher {

// Parts of the trust stores that programs without PEM read.

// The DER form of the first certificate in `pem`.
std::optional<std::string> first_certificate(std::string_view pem);

// SHA-1, which formats of old insist on. It protects nothing here.
std::string sha1(std::string data);

}  // namespace bottle::launcher
