#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bottle::launcher {

// Parts of the trust stores that programs without PEM read.

// The DER form of the first certificate in `pem`.
std::optional<std::string> first_certificate(std::string_view pem);

// Appends the lowest `bytes` bytes of the value, the highest of them first.
void put_number(std::string& out, std::uint64_t value, int bytes);

// SHA-1, which formats of old insist on. It protects nothing here.
std::string sha1(std::string data);

}  // namespace bottle::launcher
