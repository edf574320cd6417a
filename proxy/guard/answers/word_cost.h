#pragma once

#include <string_view>

namespace bottle {

// How often a word stands in a million bytes of documentation, more or less; `open`: all words that
// begin so.
[[nodiscard]] unsigned word_cost(std::string_view word, bool open) noexcept;

}  // namespace bottle
