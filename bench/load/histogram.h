#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bottle::bench {

// Counts of whole microseconds, three significant digits, as HdrHistogram lays them out: up to one
// hour. Values beyond that count as one hour.
class Histogram {
 public:
  Histogram();

  void record(std::uint64_t microseconds) noexcept;
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t most() const noexcept { return most_; }
  // The value below which that share (0 to 1) of all values lies, or which it is; 0 if there are
  // none.
  [[nodiscard]] std::uint64_t at(double share) const noexcept;
  // A log of one interval in HdrHistogram's format (version 1.3, V2 encoding, compressed), which
  // its tools plot and add up. `start` in seconds since 1970.
  [[nodiscard]] std::string log(double start, double seconds) const;

 private:
  [[nodiscard]] std::string encoded() const;

  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace bottle::bench
