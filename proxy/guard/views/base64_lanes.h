#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/guard/views/base64_units.h"
#include "proxy/guard/views/child.h"

namespace bottle {

// Reads a run's characters as base64 in all four alignments. The text from a known beginning is
// always handed out; in the other alignments only the stretches that decode to text, with the
// unit before them.
class Base64Lanes {
 public:
  static constexpr std::size_t kAlignments = 4;  // slots 0 to 3
  static constexpr std::size_t kMost = 4096;     // characters for one read()
  static constexpr std::size_t kMostBack = 4;

  explicit Base64Lanes(ViewSink& sink);

  // A run begins there in the parent, and base64 begins with it.
  void begin(std::uint64_t at);
  // Base64 may begin `back` characters before what comes next, at most kMostBack.
  void begins_here(std::size_t back);
  // The next characters, all of a word's alphabet; the parent is read up to `end`.
  void read(const char* chars, std::size_t size, std::uint64_t end);
  void finish(std::uint64_t end);

 private:
  // One alignment.
  struct Lane {
    Child child;
    std::size_t cursor = 0;  // of values_: what comes next
    bool known = false;      // base64 is known to begin so
    bool has_before = false;
    std::array<char, kUnitBytes> before{};  // the unit before the cursor
  };
  // More binary bytes in a unit, and it is no text.
  static constexpr std::uint8_t kMostBinary = 4;
  static constexpr std::size_t kLeastText = 8;  // of a rest that is shorter than a unit
  static constexpr std::size_t kCarried = 64;

  void read_known(Lane& lane, std::uint64_t end);
  void read_unknown(Lane& lane, std::uint64_t end);
  void finish_lane(Lane& lane, std::uint64_t end);
  std::size_t decode_units_of(Lane& lane);
  void drop_read_values();

  std::array<Lane, kAlignments> lanes_;
  std::uint64_t begin_ = 0;
  std::size_t total_ = 0;  // characters of the run
  std::size_t used_ = 0;   // of values_
  std::array<std::uint8_t, kCarried + kMost> values_;
  std::array<char, (kCarried + kMost) / 4 * 3 + kUnitSlack> out_;
  std::array<std::uint8_t, (kCarried + kMost) / kUnitChars> binary_;
};

}  // namespace bottle
