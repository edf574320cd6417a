#include "proxy/guard/views/dump_lines.h"

#include <algorithm>
#include <optional>

#include "proxy/contract/hex_digit.h"

namespace bottle {
namespace {

constexpr ByteView kSpaces = " \t";

bool all_hex(ByteView text) {
  return std::ranges::all_of(text, [](char c) { return hex_digit(c) != kNoDigit; });
}
bool all_octal(ByteView text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '7'; });
}

bool all_decimal(ByteView text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
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

// The byte that a cell of od -c or od -a shows: itself, \n and its kin, three octal digits, or the
// name of a control character. Nothing: it is no such cell.
std::optional<char> character_of(ByteView cell) {
  static constexpr ByteView kNames[] = {
      "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs",  "ht",  "nl",
      "vt",  "ff",  "cr",  "so",  "si",  "dle", "dc1", "dc2", "dc3", "dc4", "nak",
      "syn", "etb", "can", "em",  "sub", "esc", "fs",  "gs",  "rs",  "us",  "sp"};
  if (cell.size() == 1) return cell.front();
  if (cell.size() == 3 && all_octal(cell)) return static_cast<char>(value_of(cell, 8));
  if (cell.size() == 2 && cell[0] == '\\') {
    static constexpr ByteView kLetters = "0abfnrtv";
    static constexpr ByteView kMeaning("\0\a\b\f\n\r\t\v", 8);
    const std::size_t letter = kLetters.find(cell[1]);
    if (letter != ByteView::npos) return kMeaning[letter];
  }
  const auto* const name = std::ranges::find(kNames, cell);
  if (name == std::end(kNames)) return std::nullopt;
  return static_cast<char>(name - std::begin(kNames));
}

// Cells of characters are four wide.
bool read_characters(ByteView cells, Bytes& out) {
  static constexpr std::size_t kWidth = 4;
  if (cells.empty() || cells.size() % kWidth != 0) return false;
  const std::size_t before = out.size();
  for (std::size_t i = 0; i < cells.size(); i += kWidth) {
    const ByteView cell = cells.substr(i, kWidth);
    const std::size_t begin = std::min(cell.find_first_not_of(' '), kWidth - 1);
    const auto byte = begin == 0 ? std::nullopt : character_of(cell.substr(begin));
    if (!byte) {
      out.resize(before);
      return false;
    }
    out += *byte;
  }
  return true;
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

// The next cell, without the spaces around it; empty at the end.
ByteView next_cell(ByteView& cells) {
  cells.remove_prefix(std::min(cells.find_first_not_of(kSpaces), cells.size()));
  const ByteView cell = cells.substr(0, cells.find_first_of(kSpaces));
  cells.remove_prefix(cell.size());
  return cell;
}

// The eight binary digits of a byte.
bool is_binary(ByteView cell) {
  return cell.size() == 8 && cell.find_first_not_of("01") == ByteView::npos;
}

// xxd shows the bytes as they come, or (-e) in words with the last byte first; two spaces and the
// characters follow.
void read_xxd(ByteView cells, Bytes& out, Bytes& swapped) {
  const std::size_t begin = std::min(cells.find_first_not_of(kSpaces), cells.size());
  cells = cells.substr(begin);
  cells = cells.substr(0, cells.find("  "));
  ByteView rest = cells;
  bool binary = true;
  for (ByteView cell = next_cell(rest); binary && !cell.empty(); cell = next_cell(rest)) {
    binary = is_binary(cell);
  }
  for (ByteView cell = next_cell(cells); !cell.empty(); cell = next_cell(cells)) {
    if (!all_hex(cell)) return;
    if (binary) {
      out.push_back(static_cast<char>(value_of(cell, 2)));
      continue;
    }
    const std::size_t before = out.size();
    put_hex(cell, out);
    if (cell.size() > 2) swapped.append(out.rbegin(), out.rend() - static_cast<long>(before));
  }
}

// Behind the cells the characters may follow.
bool is_end(ByteView cell) { return cell.empty() || cell.front() == '|' || cell.front() == '>'; }

// od's and hexdump's cells of hex and octal digits have one width. False: other text follows them.
bool read_cells(ByteView cells, Bytes& out) {
  ByteView rest = cells;
  const std::size_t width = next_cell(rest).size();
  const CellForm form = form_of(width);
  if (form.bytes == 0) return false;
  while (true) {
    const ByteView cell = next_cell(cells);
    if (is_end(cell)) return true;
    const bool fits = cell.size() == width && (form.octal ? all_octal(cell) : all_hex(cell));
    if (!fits) return false;
    put_word(value_of(cell, form.octal ? 8 : 16), form.bytes, out);
  }
}

// Decimal cells are as wide as their numbers: the greatest one tells the size of all, which is at
// least `word_size`. That is then this line's.
bool read_decimals(ByteView cells, std::size_t& word_size, Bytes& out) {
  static constexpr std::size_t kMostDigits = 19;
  std::uint64_t greatest = 0;
  ByteView rest = cells;
  for (ByteView cell = next_cell(rest); !is_end(cell); cell = next_cell(rest)) {
    if (cell.size() > kMostDigits || !all_decimal(cell)) return false;
    greatest = std::max(greatest, value_of(cell, 10));
  }
  const std::size_t least = greatest <= 0xff      ? 1
                            : greatest <= 0xffff  ? 2
                            : greatest >> 32 == 0 ? 4
                                                  : 8;
  word_size = std::max(word_size, least);
  for (ByteView cell = next_cell(cells); !is_end(cell); cell = next_cell(cells)) {
    put_word(value_of(cell, 10), word_size, out);
  }
  return true;
}

}  // namespace

// `cells` is the line behind its offset. Nothing if it is no such line.
void DumpLines::read_line(ByteView cells) {
  decoded_.clear();
  decoded_swapped_.clear();
  if (cells.ends_with('\r')) cells.remove_suffix(1);
  if (cells.empty()) return;
  if (cells.front() == ':') return read_xxd(cells.substr(1), decoded_, decoded_swapped_);
  if (kSpaces.find(cells.front()) == ByteView::npos) return;
  const ByteView line = cells;
  // The first of them may be a number before the offset, as a date.
  for (int numbers = 0; numbers < kMostNumbers; ++numbers) {
    // In a dump of decimal words a line may look like hex. Three octal digits are a cell of
    // characters too; a line of them alone is od -b's, which reads the same.
    const bool decimal = word_size_ > 0 && read_decimals(cells, word_size_, decoded_);
    if (decimal || read_characters(cells, decoded_) || read_cells(cells, decoded_)) return;
    decoded_.clear();
    if (read_decimals(cells, word_size_, decoded_)) return;
    const ByteView first = next_cell(cells);
    if (first.size() < kLeastOffset || !all_hex(first)) break;
  }
  // Other text stands behind the cells.
  (void)read_cells(line, decoded_);
}

void DumpLines::begin_line(std::uint64_t at) {
  // Something may stand before each line.
  if (at > next_line_ + kMostBefore) {
    child_.close(next_line_);
    swapped_.close(next_line_);
    word_size_ = 0;
  }
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
  read_line(ByteView(cells_.data(), size_));
  child_.give(decoded_, begin_, end);
  swapped_.give(decoded_swapped_, begin_, end);
  next_line_ = end + 1;
}

void DumpLines::finish(std::uint64_t end) {
  if (in_line_) end_line(end);
  child_.close(end);
  swapped_.close(end);
  next_line_ = read_to_ = 0;
  word_size_ = 0;
}

}  // namespace bottle
