#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

struct evp_md_ctx_st;
struct evp_mac_ctx_st;

namespace bottle {

// SHA-256 (FIPS 180-4).
using Digest = std::array<unsigned char, 32>;

// Of bytes that come in pieces. One piece costs no more than sha256().
class Sha256 {
 public:
  Sha256() noexcept = default;
  Sha256(Sha256&& other) noexcept;
  Sha256& operator=(Sha256&& other) noexcept;
  ~Sha256();

  void update(std::string_view bytes);  // throws std::runtime_error: libcrypto has no SHA-256
  // Of all that came before, and of `last`. Once, as the last call.
  [[nodiscard]] Digest finish(std::string_view last = {});

 private:
  evp_md_ctx_st* context_ = nullptr;  // from the first update on
};

[[nodiscard]] Digest sha256(std::string_view bytes);
[[nodiscard]] Digest sha256(std::string_view front, std::string_view back);  // as one text

// SHA-1 (FIPS 180-4). For Sec-WebSocket-Accept (RFC 6455 section 1.3), which shows that a server
// knows the protocol; nothing is kept secret by it, and no other use is safe.
using Sha1Digest = std::array<unsigned char, 20>;
[[nodiscard]] Sha1Digest sha1(
    std::string_view bytes);  // throws std::runtime_error: libcrypto has none

// A key for HMAC-SHA-256: random, wiped when it goes. Cannot be copied.
class MacKey {
 public:
  MacKey();  // throws std::runtime_error when the system has no randomness
  // A key that is known: what the RFCs' examples are checked with.
  explicit MacKey(std::string_view key);
  MacKey(const MacKey&) = delete;
  MacKey& operator=(const MacKey&) = delete;
  ~MacKey();

  // HMAC-SHA-256 (RFC 2104). Any thread.
  [[nodiscard]] Digest mac(std::string_view bytes) const;

 private:
  void take(std::string_view key);

  mutable std::mutex mutex_;           // the context is used again: making one costs more
  evp_mac_ctx_st* context_ = nullptr;  // holds the key
};

// Takes as long whatever the bytes are.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

// Lower case.
[[nodiscard]] std::string hex(const Digest& digest);

}  // namespace bottle
