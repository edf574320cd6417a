#include "launcher/watch/screen.h"

#include <algorithm>

namespace bottle::launcher::watch {
namespace {

constexpr int kLargest = 1000;  // rows and columns; no terminal is that large
constexpr std::string_view kLetters = ".fsgbtwTSl";

std::string with_line_ends(const std::vector<std::string>& rows) {
  std::string out;
  for (const auto& row : rows) {
    out += row.substr(0, row.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

}  // namespace

Screen::Screen(Size size)
    : size_{std::clamp(size.rows, 1, kLargest), std::clamp(size.columns, 1, kLargest)},
      cells_(static_cast<std::size_t>(size_.rows) * static_cast<std::size_t>(size_.columns)) {}

void Screen::set(int row, int column, char character, Ink ink) {
  if (!has(row, column)) return;
  const bool plain = character >= 0x20 && character < 0x7f;
  cells_[index(row, column)] = {plain ? character : '?', ink};
}

int Screen::put(int row, int column, std::string_view text, Ink ink, int width) {
  const int room = std::min(width, size_.columns - column);
  if (room <= 0) return column;
  const bool cut = text.size() > static_cast<std::size_t>(room);
  const int length = cut ? room : static_cast<int>(text.size());
  for (int i = 0; i < length; ++i) {
    set(row, column + i, cut && i + 1 == length ? '~' : text[static_cast<std::size_t>(i)], ink);
  }
  return column + length;
}

void Screen::put_right(int row, int column, int width, std::string_view text, Ink ink) {
  const int length = std::min(width, static_cast<int>(std::min(text.size(), std::size_t{1000})));
  put(row, column + width - length, text, ink, length);
}

void Screen::paint(int row, int column, int width, Ink ink) {
  for (int i = 0; i < width; ++i) {
    if (has(row, column + i)) cells_[index(row, column + i)].ink = ink;
  }
}

void Screen::rule_down(int column, int from_row, int to_row) {
  for (int row = from_row; row < to_row; ++row) set(row, column, '|', Ink::kLine);
}

void Screen::rule_across(int row, int from_column, int to_column) {
  for (int column = from_column; column < to_column; ++column) set(row, column, '-', Ink::kLine);
}

std::string Screen::text() const {
  std::vector<std::string> rows(static_cast<std::size_t>(size_.rows));
  for (int row = 0; row < size_.rows; ++row) {
    for (int column = 0; column < size_.columns; ++column) {
      rows[static_cast<std::size_t>(row)] += character(row, column);
    }
  }
  return with_line_ends(rows);
}

std::string Screen::looks() const {
  std::vector<std::string> rows(static_cast<std::size_t>(size_.rows));
  for (int row = 0; row < size_.rows; ++row) {
    for (int column = 0; column < size_.columns; ++column) {
      rows[static_cast<std::size_t>(row)] += kLetters[static_cast<std::size_t>(ink(row, column))];
    }
  }
  return with_line_ends(rows);
}

std::vector<std::string> wrapped(std::string_view text, int width, std::size_t most) {
  std::vector<std::string> out;
  const auto room = static_cast<std::size_t>(std::max(width, 1));
  while (!text.empty() && out.size() < most) {
    std::size_t end = std::min(text.size(), room);
    if (end < text.size()) {
      const auto blank = text.rfind(' ', end);
      if (blank != text.npos && blank > room / 2) end = blank;
    }
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  return out;
}

std::string shortened(std::string_view text, int width) {
  const auto room = static_cast<std::size_t>(std::max(width, 1));
  if (text.size() <= room) return std::string(text);
  const std::size_t tail = room / 3;
  const std::size_t head = room - tail - 1;
  return std::string(text.substr(0, head)) + "~" + std::string(text.substr(text.size() - tail));
}

}  // namespace bottle::launcher::watch
