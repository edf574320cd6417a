#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/guard/views/child.h"

namespace bottle {

// A list of byte values, as [103, 104, 112] or 147 150 160. Decimal: one to three digits, up to
// 255. Octal: three digits, up to 377, or a zero before them.
class NumberList {
 public:
  enum class Base : std::uint8_t { Octal = 8, Decimal = 10 };
  static constexpr std::size_t kLeast = 12;  // numbers
  static constexpr std::size_t kMostDigits = 4;

  NumberList(ViewSink& sink, Base base, std::uint8_t slot)
      : child_(sink, Coded::Numbers, slot), base_(static_cast<unsigned>(base)) {}

  // The next word of the parent, up to kMostDigits long, which is at [begin, end). One that is no
  // number ends the list.
  void add(ByteView word, std::uint64_t begin, std::uint64_t end);
  void end_list();
  // Hands out all that is decoded so far.
  void hand_out();
  [[nodiscard]] bool is_empty() const noexcept { return count_ == 0; }
  // Its numbers so far.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  [[nodiscard]] int value_of(ByteView word) const noexcept;

  Child child_;
  const unsigned base_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
  std::array<char, 256> bytes_;
};

}  // namespace bottle
