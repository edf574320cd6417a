#include "proxy/contract/keyed_hash.h"

#include <bit>
#include <cstddef>
#include <random>

namespace bottle {
namespace {

std::uint64_t little_endian(const unsigned char* at, std::size_t size) noexcept {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < size; ++i) out |= std::uint64_t{at[i]} << (8 * i);
  return out;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int count) noexcept {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  void word(std::uint64_t m) noexcept {
    v3 ^= m;
    rounds(2);
    v0 ^= m;
  }
  [[nodiscard]] std::uint64_t sum() const noexcept { return v0 ^ v1 ^ v2 ^ v3; }
};

}  // namespace

HashKey random_hash_key() {
  HashKey key{};
  std::random_device random;
  for (unsigned char& byte : key) byte = static_cast<unsigned char>(random());
  return key;
}

std::array<unsigned char, 16> keyed_hash(const HashKey& key, std::string_view text) noexcept {
  const std::uint64_t k0 = little_endian(key.data(), 8);
  const std::uint64_t k1 = little_endian(key.data() + 8, 8);
  SipState state{.v0 = k0 ^ 0x736f6d6570736575u,
                 .v1 = k1 ^ 0x646f72616e646f6du ^ 0xeeu,
                 .v2 = k0 ^ 0x6c7967656e657261u,
                 .v3 = k1 ^ 0x7465646279746573u};
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) state.word(little_endian(bytes + at, 8));
  const std::uint64_t size = std::uint64_t{text.size() & 0xffu} << 56;
  state.word(size | little_endian(bytes + at, text.size() - at));
  std::array<unsigned char, 16> out{};
  state.v2 ^= 0xee;
  for (std::size_t half = 0; half < 2; ++half) {
    if (half == 1) state.v1 ^= 0xdd;
    state.rounds(4);
    for (std::size_t i = 0; i < 8; ++i) {
      out[half * 8 + i] = static_cast<unsigned char>(state.sum() >> (8 * i));
    }
  }
  return out;
}

std::uint64_t keyed_number(const HashKey& key, std::string_view text) noexcept {
  const auto hash = keyed_hash(key, text);
  const std::uint64_t number = little_endian(hash.data(), 8);
  return number == 0 ? 1 : number;
}

}  // namespace bottle
