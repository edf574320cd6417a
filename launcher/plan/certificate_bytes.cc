#include "launcher/plan/certificate_bytes.h"

#include <array>
#include <bit>
#include <cstdint>
#include <utility>

namespace bottle::launcher {
namespace {

class Sha1 {
 public:
  static std::string of(std::string data) {
    const std::uint64_t bits = std::uint64_t{data.size()} * 8;
    data += static_cast<char>(0x80);
    while (data.size() % 64 != 56) data += '\0';
    for (int shift = 56; shift >= 0; shift -= 8) data += static_cast<char>((bits >> shift) & 0xff);
    Sha1 hash;
    for (std::size_t at = 0; at < data.size(); at += 64) hash.block(data, at);
    std::string out;
    for (const std::uint32_t word : hash.state_) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        out += static_cast<char>((word >> shift) & 0xff);
      }
    }
    return out;
  }

 private:
  void block(const std::string& data, std::size_t at) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 64; ++i) {
      w[i / 4] = (w[i / 4] << 8) | static_cast<unsigned char>(data[at + i]);
    }
    for (std::size_t i = 16; i < 80; ++i) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    auto [a, b, c, d, e] = state_;
    for (std::size_t i = 0; i < 80; ++i) {
      std::uint32_t f = b ^ c ^ d;
      std::uint32_t k = i < 40 ? 0x6ed9eba1 : 0xca62c1d6;
      if (i < 20) {
        f = (b & c) | (~b & d);
        k = 0x5a827999;
      } else if (i >= 40 && i < 60) {
        f = (b & c) | (b & d) | (c & d);
        k = 0x8f1bbcdc;
      }
      const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    const std::array<std::uint32_t, 5> sum{a, b, c, d, e};
    for (std::size_t i = 0; i < 5; ++i) state_[i] += sum[i];
  }

  std::array<std::uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
};

}  // namespace

void put_number(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>((value >> shift) & 0xff);
  }
}

std::string sha1(std::string data) { return Sha1::of(std::move(data)); }

std::optional<std::string> first_certificate(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  const auto begin = pem.find(kBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  const auto end = pem.find("-----END CERTIFICATE-----", begin);
  if (end == std::string_view::npos) return std::nullopt;
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string der;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : pem.substr(begin + kBegin.size(), end - begin - kBegin.size())) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) continue;  // line ends and padding
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    have += 6;
    if (have >= 8) {
      have -= 8;
      der += static_cast<char>((bits >> have) & 0xff);
    }
  }
  if (der.empty()) return std::nullopt;
  return der;
}

}  // namespace bottle::launcher
