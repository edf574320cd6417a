#pragma once

#include <cstdint>
#include <span>

namespace bottle {

// The characters [first, last] look like ASCII: the first one like `ascii`, each further one like
// the ASCII character `step` further.
struct FoldedRange {
  char32_t first;
  char32_t last;
  char ascii;
  std::uint8_t step;
};
// The characters [first, last] show nothing by themselves.
struct RemovedRange {
  char32_t first;
  char32_t last;
};

// Both sorted, without overlaps.
[[nodiscard]] std::span<const FoldedRange> folded_ranges() noexcept;
[[nodiscard]] std::span<const RemovedRange> removed_ranges() noexcept;

}  // namespace bottle
