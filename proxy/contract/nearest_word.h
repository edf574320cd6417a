#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bottle {

// The word of `known` that `word` was probably meant to be: the one with the fewest edits, at most
// two and fewer than `word` has letters. An edit adds, drops or replaces a letter, or swaps two
// neighbours. Of equals the first. A view into `known`.
[[nodiscard]] std::optional<std::string_view> nearest_word(std::string_view word,
                                                           std::span<const std::string_view> known);

// The beginning of a hint: `did you mean "WORD"? `, or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       std::span<const std::string_view> known);

}  // namespace bottle
