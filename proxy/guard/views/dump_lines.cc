#include "proxy/guard/views/dump_lines.h"

#include <algorithm>

#include "proxy/guard/views/hex_digit.h"

namespace bottle {
namespace {

constexpr ByteView kSpaces = " \t";

bool all_hex(ByteView text) {
  return std::ranges::all_of(text, [](char c) { return hex_digit(c) != kNoDigit; });
}
bool all_octal(ByteView text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '7'; });
}

std::uint64_t value_of(ByteView digits, unsigned base) {
  std::uint64_t value = 0;
  for (const char c : digits) value = value * base + hex_digit(c);
  return value;
}

// A word of a little-endian machine.
void put_word(std::uint64_t value, std::size_t size, Bytes& out) {
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void put_hex(ByteView digits, Bytes& out) {
  for (std::size_t i = 0; i + 2 <= digits.size(); i += 2) {
    out.push_back(static_cast<char>(value_of(digits.substr(i, 2), 16)));
  }
}

// Cells of od -c are four wide: a character, \n and its kin, or three octal digits.
bool read_characters(ByteView cells, Bytes& out) {
  static constexpr std::size_t kWidth = 4;
  if (cells.empty() || cells.size() % kWidth != 0) return false;
  const std::size_t before = out.size();
  bool fits = true;
  for (std::size_t i = 0; fits && i < cells.size(); i += kWidth) {
    const ByteView cell = cells.substr(i, kWidth);
    const std::size_t begin = std::min(cell.find_first_not_of(' '), kWidth - 1);
    const ByteView what = cell.substr(begin);
    fits = begin > 0;
    if (what.size() == 1) {
      out += what;
    } else if (what.size() == 3 && all_octal(what)) {
      out.push_back(static_cast<char>(value_of(what, 8)));
    } else if (what.size() == 2 && what[0] == '\\') {
      static constexpr ByteView kLetters = "0abfnrtv";
      static constexpr ByteView kMeaning("\0\a\b\f\n\r\t\v", 8);
      const std::size_t letter = kLetters.find(what[1]);
      fits = letter != ByteView::npos;
      if (fits) out.push_back(kMeaning[letter]);
    } else {
      fits = false;
    }
  }
  if (!fits) out.resize(before);
  return fits;
}

// Bytes that one cell of so many characters shows; 0: no cell has so many.
struct CellForm {
  std::size_t bytes = 0;
  bool octal = false;
};
CellForm form_of(std::size_t width) {
  switch (width) {
    case 2:
    case 4:
    case 8:
    case 16:
      return {.bytes = width / 2};
    case 3:
      return {.bytes = 1, .octal = true};
    case 6:
      return {.bytes = 2, .octal = true};
    case 11:
      return {.bytes = 4, .octal = true};
    default:
      return {};
  }
}

// xxd shows the bytes as they come; two spaces and the characters follow.
void read_xxd(ByteView cells, Bytes& out) {
  cells.remove_prefix(std::min(cells.find_first_not_of(kSpaces), cells.size()));
  cells = cells.substr(0, cells.find("  "));
  while (!cells.empty()) {
    const ByteView cell = cells.substr(0, cells.find(' '));
    if (!all_hex(cell)) return;
    put_hex(cell, out);
    cells.remove_prefix(std::min(cell.size() + 1, cells.size()));
  }
}

// od's and hexdump's cells have one width. Behind '|' or '>' the characters follow.
void read_cells(ByteView cells, Bytes& out) {
  std::size_t width = 0;
  while (true) {
    cells.remove_prefix(std::min(cells.find_first_not_of(kSpaces), cells.size()));
    const ByteView cell = cells.substr(0, cells.find_first_of(kSpaces));
    if (width == 0) width = cell.size();
    const CellForm form = form_of(width);
    if (form.bytes == 0 || cell.size() != width) return;
    if (form.octal ? !all_octal(cell) : !all_hex(cell)) return;
    put_word(value_of(cell, form.octal ? 8 : 16), form.bytes, out);
    cells.remove_prefix(cell.size());
  }
}

}  // namespace

void read_dump_cells(ByteView cells, Bytes& out) {
  if (cells.ends_with('\r')) cells.remove_suffix(1);
  if (cells.empty()) return;
  if (cells.front() == ':') return read_xxd(cells.substr(1), out);
  if (kSpaces.find(cells.front()) == ByteView::npos) return;
  // Three octal digits are a cell of both; a line of them alone is od -b's, which reads the same.
  if (!read_characters(cells, out)) read_cells(cells, out);
}

void DumpLines::begin_line(std::uint64_t at) {
  if (at != next_line_) child_.close(next_line_);
  if (!child_.is_open()) begin_ = at;
  in_line_ = true;
  too_long_ = false;
  size_ = 0;
}

void DumpLines::read(ByteView in, std::uint64_t at) {
  const std::size_t line = std::min(in.find('\n'), in.size());
  if (line > kMostCells - size_) {
    too_long_ = true;
  } else {
    in.copy(cells_.data() + size_, line);
    size_ += line;
  }
  if (line < in.size()) end_line(at + line);
}

void DumpLines::end_line(std::uint64_t end) {
  in_line_ = false;
  read_to_ = end;
  if (too_long_) return;
  decoded_.clear();
  read_dump_cells(ByteView(cells_.data(), size_), decoded_);
  child_.give(decoded_, begin_, end);
  next_line_ = end + 1;
}

void DumpLines::finish(std::uint64_t end) {
  if (in_line_) end_line(end);
  child_.close(end);
  next_line_ = read_to_ = 0;
}

}  // namespace bottle
