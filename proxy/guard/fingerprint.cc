#include "proxy/guard/fingerprint.h"

#include <algorithm>
#include <cstddef>

#include "proxy/contract/keyed_hash.h"

namespace bottle {

std::string fingerprint(const FingerprintKey& key, ByteView text) {
  constexpr ByteView kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  HashKey half{};
  std::copy_n(key.begin(), half.size(), half.begin());
  const auto hash = keyed_hash(half, text);
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    bits = bits << 8 | hash[i];
    for (count += 8; count >= 5; count -= 5) out.push_back(kLetters[bits >> (count - 5) & 31u]);
  }
  return out;
}

}  // namespace bottle
