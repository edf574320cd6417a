#include "proxy/contract/nearest_word.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace bottle {
namespace {

constexpr std::size_t kMostEdits = 2;
constexpr std::size_t kLongest = 64;  // letters; bounds the table

// The optimal string alignment distance, row by row.
std::size_t edits_between(std::string_view from, std::string_view to) {
  using Row = std::array<std::size_t, kLongest + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= to.size(); ++j) row.at(j) = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    before_last = last;
    last = row;
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = last.at(j - 1) + (from[i - 1] == to[j - 1] ? 0 : 1);
      row.at(j) = std::min({last.at(j) + 1, row.at(j - 1) + 1, replaced});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row.at(j) = std::min(row.at(j), before_last.at(j - 2) + 1);
    }
  }
  return row.at(to.size());
}

}  // namespace

std::optional<std::string_view> nearest_word(std::string_view word,
                                             std::span<const std::string_view> known) {
  if (word.size() > kLongest) return std::nullopt;
  std::optional<std::string_view> nearest;
  std::size_t fewest = std::min(kMostEdits + 1, word.size());
  for (const auto one : known) {
    if (one.size() > kLongest) continue;
    const std::size_t edits = edits_between(word, one);
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = one;
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const auto nearest = nearest_word(word, known);
  return nearest ? "did you mean \"" + std::string(*nearest) + "\"? " : "";
}

}  // namespace bottle
