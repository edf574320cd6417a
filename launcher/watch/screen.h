#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bottle::launcher::watch {

// The look of a cell. A terminal without colour shows each by its weight alone.
enum class Ink : std::uint8_t {
  kPlain,
  kFaint,
  kStrong,
  kGood,
  kBad,       // refused
  kTrouble,   // failed, cut
  kWaiting,   // open, an ask
  kBar,       // the title
  kSelected,  // the line that keys act on
  kLine,      // a ruled line: '|' or '-' in the text
};

struct Size {
  int rows = 24;
  int columns = 80;
};

// A screen as a grid of cells. The last barrier before the terminal: whatever is put on it, each
// cell has one printable ASCII character, and what does not fit is left out.
class Screen {
 public:
  explicit Screen(Size size);

  Size size() const { return size_; }
  // Returns the column behind the text. Of a text longer than `width` the end is shown as "~".
  int put(int row, int column, std::string_view text, Ink ink, int width = kWide);
  // At the right end of `width` cells.
  void put_right(int row, int column, int width, std::string_view text, Ink ink);
  // All cells of a part of a row get this look, and keep their text.
  void paint(int row, int column, int width, Ink ink);
  void rule_down(int column, int from_row, int to_row);
  void rule_across(int row, int from_column, int to_column);

  char character(int row, int column) const { return cells_[index(row, column)].character; }
  Ink ink(int row, int column) const { return cells_[index(row, column)].ink; }
  // The rows, each with a line end and without blanks before it.
  std::string text() const;
  // The same grid with a letter for each look: of Ink in order, ".fsgbtwTSl".
  std::string looks() const;

  static constexpr int kWide = 10'000;

 private:
  struct Cell {
    char character = ' ';
    Ink ink = Ink::kPlain;
  };
  std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(size_.columns) +
           static_cast<std::size_t>(column);
  }
  bool has(int row, int column) const {
    return row >= 0 && column >= 0 && row < size_.rows && column < size_.columns;
  }
  void set(int row, int column, char character, Ink ink);

  Size size_;
  std::vector<Cell> cells_;
};

// The text in lines of at most `width` characters, cut at blanks where there are some; at most
// `most` lines.
std::vector<std::string> wrapped(std::string_view text, int width, std::size_t most);

// The whole text, or its two ends with "~" between them: `width` characters at most.
std::string shortened(std::string_view text, int width);

}  // namespace bottle::launcher::watch
