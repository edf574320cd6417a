#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bottle::launcher {

// What the files are made of by which programs without PEM trust the bottle's CA.

// The DER form of the first certificate in `pem`.
std::optional<std::string> first_certificate(std::string_view pem);

// SHA-1, which formats of old insist on. It protects nothing here.
std::string sha1(std::string data);

}  // namespace bottle::launcher
