#include "proxy/contract/checksum.h"

#include <cstddef>

namespace bottle {

std::uint32_t crc32_of(std::string_view text) noexcept {
  std::uint32_t crc = 0xffffffffu;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1u) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

std::string token_checksum(std::string_view text) noexcept {
  constexpr std::string_view kBase62 =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::uint32_t crc = crc32_of(text);
  std::string sum(6, '0');
  for (std::size_t i = sum.size(); i-- > 0; crc /= 62) sum[i] = kBase62[crc % 62];
  return sum;
}

}  // namespace bottle
