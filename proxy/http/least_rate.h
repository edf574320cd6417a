#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace bottle {

// Judges a peer that is waited for: a stall has a deadline of its own, and this is about one that
// sends or takes a byte now and then to keep its place (threats T56, T57). The peer has a credit of
// time; waiting for it spends the credit, and each byte gives some back, never more than there was
// at first. Time in which nothing is waited for does not count. Sans-I/O.
class LeastRate {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // `bytes_a_second` has to be kept to on an average of `credit`.
  LeastRate(std::size_t bytes_a_second, std::chrono::milliseconds credit) noexcept
      : each_(std::chrono::nanoseconds(std::chrono::seconds(1)).count() /
              static_cast<std::int64_t>(std::max<std::size_t>(1, bytes_a_second))),
        credit_(credit),
        left_(credit) {}

  void moved(std::size_t bytes) noexcept { left_ = std::min(left_ + earned(bytes), credit_); }
  void waited(Duration time) noexcept {
    left_ = std::max(left_ - std::chrono::nanoseconds(time), std::chrono::nanoseconds(0));
  }
  // How much longer it may be waited for until it has moved `bytes`. Zero: it is too slow.
  [[nodiscard]] std::chrono::milliseconds left(std::size_t bytes = 0) const noexcept {
    return std::chrono::ceil<std::chrono::milliseconds>(left_ + earned(bytes));
  }
  [[nodiscard]] bool too_slow() const noexcept { return left_ <= std::chrono::nanoseconds(0); }

 private:
  [[nodiscard]] std::chrono::nanoseconds earned(std::size_t bytes) const noexcept {
    constexpr std::size_t kMuch = 1U << 30U;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(bytes, kMuch)) * each_);
  }

  std::int64_t each_;  // nanoseconds that a byte gives back
  std::chrono::nanoseconds credit_;
  std::chrono::nanoseconds left_;
};

}  // namespace bottle
