#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace bottle {

// Random bytes for keys and masks, from libcrypto. It fetches a few at a time, since a call costs
// more than the bytes. One thread.
class RandomBytes {
 public:
  // Throws std::runtime_error when the system has no randomness.
  void fill(std::span<char> out);

 private:
  static constexpr std::size_t kAtOnce = 64;
  std::array<char, kAtOnce> bytes_{};
  std::size_t used_ = kAtOnce;
};

}  // namespace bottle
