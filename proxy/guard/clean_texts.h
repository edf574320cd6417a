#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "proxy/contract/keyed_hash.h"

namespace bottle {

// Texts in which nothing was found that is to be refused or told: what a client says with each
// request need not be looked at each time. Of a text it keeps a keyed hash of 128 bits, so no
// client can make a text that passes for another one, and no secret stays in memory. A new text may
// take the place of an older one. One thread; for one set of secrets.
class CleanTexts {
 public:
  using Mark = std::array<unsigned char, 16>;

  // Throws std::bad_alloc.
  CleanTexts();

  [[nodiscard]] Mark mark_of(std::string_view text) const noexcept;
  [[nodiscard]] bool has(const Mark& mark) const noexcept { return marks_[place_of(mark)] == mark; }
  void add(const Mark& mark) noexcept { marks_[place_of(mark)] = mark; }

 private:
  static constexpr std::size_t kMarks = 1024;  // 16 KiB

  static std::size_t place_of(const Mark& mark) noexcept {
    return (std::size_t{mark[0]} << 8 | mark[1]) % kMarks;
  }

  const HashKey key_;
  std::vector<Mark> marks_;
};

}  // namespace bottle
