#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/guard/answers/answer_class.h"

namespace bottle {

// One sign: a phrase that stands in a text.
struct Sign {
  AnswerClass what = AnswerClass::InstructionOverride;
  std::uint16_t phrase = 0;
  unsigned weight = 0;
  std::uint64_t at = 0;  // where its last byte is
};

// Adds up signs that stand near each other. The same phrase counts once; signs of another class
// count half. Fixed memory; time does not depend on how many signs there were.
class SignalWindow {
 public:
  static constexpr std::uint64_t kNear = 2048;  // bytes: a few paragraphs

  // Signs come in the order of their places. The class that has been found by this one.
  [[nodiscard]] std::optional<AnswerClass> add(const Sign& sign) noexcept;
  // The largest sum that a class of the signs near the last one has.
  [[nodiscard]] unsigned sum() const noexcept { return sum_; }
  void clear() noexcept { size_ = 0; }

 private:
  static constexpr std::size_t kKept = 24;
  std::array<Sign, kKept> signs_{};  // a ring, the oldest at first_
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  unsigned sum_ = 0;
};

}  // namespace bottle
