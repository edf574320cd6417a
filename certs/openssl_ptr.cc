#include "certs/openssl_ptr.h"

#include <openssl/err.h>

#include <array>

namespace bottle::openssl {

std::string take_errors() {
  const unsigned long first = ERR_get_error();
  if (first == 0) return {};
  while (ERR_get_error() != 0) {
  }
  std::array<char, 256> text{};
  ERR_error_string_n(first, text.data(), text.size());
  return text.data();
}

}  // namespace bottle::openssl
