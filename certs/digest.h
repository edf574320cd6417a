#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace bottle {

// SHA-256 (FIPS 180-4).
using Digest = std::array<unsigned char, 32>;

// Of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();  // throws std::runtime_error when libcrypto has no SHA-256
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(std::string_view bytes);
  // Once, as the last call.
  [[nodiscard]] Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Digest sha256(std::string_view bytes);

// A key for hmac_sha256(): random, wiped when it goes. Cannot be copied.
class MacKey {
 public:
  MacKey();  // throws std::runtime_error when the system has no randomness
  MacKey(const MacKey&) = delete;
  MacKey& operator=(const MacKey&) = delete;
  ~MacKey();

  // HMAC-SHA-256 (RFC 2104).
  [[nodiscard]] Digest mac(std::string_view bytes) const;

 private:
  std::array<unsigned char, 32> bytes_{};
};

// Takes as long whatever the bytes are.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

[[nodiscard]] std::string hex(const Digest& digest);

}  // namespace bottle
