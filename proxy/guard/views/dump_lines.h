#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/guard/views/child.h"

namespace bottle {

// Reads dumps line by line: xxd's of bytes, words (-e) and bits (-b); od's and hexdump's of bytes,
// words in any base and characters (-c, -a). The lines that follow each other are one child text.
// xxd's words of bytes as they come and of a little-endian machine look alike: they are read as
// both, the second in a slot of its own.
class DumpLines {
 public:
  static constexpr std::size_t kMostCells = 512;  // bytes of a line; a longer one is no dump's
  static constexpr std::size_t kLeastOffset = 6;  // digits
  static constexpr std::size_t kMostOffset = 16;

  // May digits that begin with `first` and stand between these two be an offset?
  [[nodiscard]] static bool may_be_offset(char before, char first, char behind) noexcept {
    const bool begins_line = kBeforeOffset[static_cast<unsigned char>(before)];
    const bool in_line = before == ' ';
    return ((begins_line | (in_line & (first == '0'))) & (behind == ' ')) |
           ((begins_line | in_line) & (behind == ':'));
  }

  DumpLines(ViewSink& sink, std::uint8_t slot, std::uint8_t swapped_slot)
      : child_(sink, Coded::Dump, slot), swapped_(sink, Coded::Dump, swapped_slot) {}

  // A line that begins with an offset began there in the parent.
  void begin_line(std::uint64_t at);
  [[nodiscard]] bool may_begin_line(std::uint64_t at) const noexcept {
    return !in_line_ && at >= read_to_;
  }
  // The bytes behind the offset, and further, from `at` on.
  void read(ByteView in, std::uint64_t at);
  void finish(std::uint64_t end);
  [[nodiscard]] bool in_line() const noexcept { return in_line_; }

 private:
  // A dump's offset stands at the beginning of its line, or of a string or a quoted line. Behind
  // something else of its line, xxd's colon or the zero at its beginning tells it from a number.
  static constexpr std::array<bool, 256> kBeforeOffset = [] {
    std::array<bool, 256> table{};
    for (const char c : {'\n', '\r', '"', '\'', '`', '>', '|', '\t'}) {
      table[static_cast<unsigned char>(c)] = true;
    }
    return table;
  }();

  static constexpr std::uint64_t kMostBefore = 64;  // bytes before a line's offset
  static constexpr int kMostNumbers = 4;            // that may stand before it

  void end_line(std::uint64_t end);
  void read_line(ByteView cells);

  Child child_;
  Child swapped_;
  std::uint64_t begin_ = 0;
  std::uint64_t next_line_ = 0;
  std::uint64_t read_to_ = 0;
  bool in_line_ = false;
  bool too_long_ = false;
  std::size_t size_ = 0;
  std::array<char, kMostCells> cells_;
  std::size_t word_size_ = 0;  // of the decimal words in the lines so far
  Bytes decoded_;
  Bytes decoded_swapped_;
};

}  // namespace bottle
