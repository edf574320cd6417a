#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// A set of groups of bytes that may say that it has a group which it has not: for one group in
// sixty or more. It is small enough for the near caches.
class LiteralFilter {
 public:
  // Places in a text. As many as one call of collect() may give.
  struct Places {
    std::array<std::uint32_t, 512> at;
    std::size_t count = 0;
  };
  static constexpr unsigned kHashBits = 32;

  // For so many groups.
  void begin(std::size_t groups);
  void add(std::uint64_t group);
  [[nodiscard]] bool may_have(std::uint64_t group) const noexcept {
    const std::uint32_t hash = hash_of(group);
    const std::uint32_t bits = bits_of(hash);
    return (words_[hash >> shift_] & bits) == bits;
  }
  // The upper bits are the best ones.
  [[nodiscard]] static std::uint32_t hash_of(std::uint64_t group) noexcept {
    return static_cast<std::uint32_t>(group) * kLowFactor +
           static_cast<std::uint32_t>(group >> 32) * kHighFactor;
  }

  // The places from `at` on, at each eighth byte of `text`, where the set may have the group of
  // eight bytes; or at each fourth byte where it may have the group of five. Returns up to where it
  // looked, which may be no further than `at`. In no order.
  [[nodiscard]] std::size_t collect_eights(ByteView text, std::size_t at, Places& places) const;
  [[nodiscard]] std::size_t collect_fives(ByteView text, std::size_t at, Places& places) const;

 private:
  friend struct FilterKernel;
  static constexpr std::uint32_t kLowFactor = 0x9e3779b1u;
  static constexpr std::uint32_t kHighFactor = 0x85ebca77u;

  // Two bits of a word.
  [[nodiscard]] std::uint32_t bits_of(std::uint32_t hash) const noexcept {
    return 1u << (hash >> (shift_ - 5) & 31) | 1u << (hash >> (shift_ - 10) & 31);
  }

  unsigned shift_ = 0;
  std::vector<std::uint32_t> words_;
};

}  // namespace bottle
