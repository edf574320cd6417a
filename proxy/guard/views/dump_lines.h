#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/guard/views/child.h"

namespace bottle {

// Appends the bytes that a line of a dump shows; `cells` is the line behind its offset. xxd's
// lines; od's of bytes, words, octal and characters (-c); hexdump's of words and with -C. Nothing
// if it is no such line.
void read_dump_cells(ByteView cells, Bytes& out);

// Reads dumps line by line. The lines that follow each other are one child text.
class DumpLines {
 public:
  static constexpr std::size_t kMostCells = 512;  // bytes of a line; a longer one is no dump's
  static constexpr std::size_t kLeastOffset = 6;  // digits
  static constexpr std::size_t kMostOffset = 16;

  // May digits that stand between these two be an offset?
  [[nodiscard]] static bool may_be_offset(char before, char behind) noexcept {
    const bool begins_line = kBeforeOffset[static_cast<unsigned char>(before)];
    return (begins_line & (behind == ' ')) | ((begins_line | (before == ' ')) & (behind == ':'));
  }

  DumpLines(ViewSink& sink, std::uint8_t slot) : child_(sink, Coded::Dump, slot) {}

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
  // A dump's offset stands at the beginning of its line, or of a string or a quoted line. Behind a
  // space only xxd's colon tells an offset from a number.
  static constexpr std::array<bool, 256> kBeforeOffset = [] {
    std::array<bool, 256> table{};
    for (const char c : {'\n', '\r', '"', '\'', '`', '>', '|', '\t'}) {
      table[static_cast<unsigned char>(c)] = true;
    }
    return table;
  }();

  void end_line(std::uint64_t end);

  Child child_;
  std::uint64_t begin_ = 0;
  std::uint64_t next_line_ = 0;
  std::uint64_t read_to_ = 0;
  bool in_line_ = false;
  bool too_long_ = false;
  std::size_t size_ = 0;
  std::array<char, kMostCells> cells_;
  Bytes decoded_;
};

}  // namespace bottle
