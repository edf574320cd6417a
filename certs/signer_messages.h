#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bottle {

// The messages between a process that makes handshakes and the one that has the CA's key. Each has
// one size, so that neither side parses a length that the other one chose before it knows the whole
// message. Integers are big-endian.

// An uncompressed point of P-256: the public half of a leaf key (SEC 1 section 2.3.3).
inline constexpr std::size_t kPointBytes = 65;
using PublicPoint = std::array<unsigned char, kPointBytes>;

inline constexpr std::size_t kMostNameBytes = 253;   // RFC 1035 section 2.3.4
inline constexpr std::size_t kMostLeafBytes = 1024;  // about 500 without the name

struct SignerRequest {
  std::uint64_t id = 0;  // the answer repeats it
  PublicPoint key{};
  std::string name;  // canonical; the signer reads it once more
};
inline constexpr std::size_t kSignerRequestBytes = 8 + kPointBytes + 1 + kMostNameBytes;

enum class SignerStatus : std::uint8_t { Signed, TooMany, Expired, Refused };

struct SignerAnswer {
  std::uint64_t id = 0;
  SignerStatus status = SignerStatus::Refused;
  std::string leaf;             // DER; empty unless Signed
  std::int64_t not_before = 0;  // seconds since 1970
  std::int64_t not_after = 0;
};
inline constexpr std::size_t kSignerAnswerBytes = 8 + 1 + 8 + 8 + 2 + kMostLeafBytes;

// Exactly kSignerRequestBytes. A longer name is cut, and refused by the signer's own reading.
[[nodiscard]] std::string encode(const SignerRequest& request);
[[nodiscard]] std::string encode(const SignerAnswer& answer);
// Nothing: the size is wrong, a length is beyond its place, or what fills a place up is not zero.
[[nodiscard]] std::optional<SignerRequest> read_signer_request(std::string_view message);
[[nodiscard]] std::optional<SignerAnswer> read_signer_answer(std::string_view message);

}  // namespace bottle
