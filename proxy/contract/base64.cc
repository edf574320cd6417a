#include "proxy/contract/base64.h"

#include <cstdint>

namespace bottle {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kBase64Digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out += kBase64Digits[bits >> (held - 6) & 0x3f];
  }
  if (held > 0) out += kBase64Digits[bits << (6 - held) & 0x3f];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

}  // namespace bottle
