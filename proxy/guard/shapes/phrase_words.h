#pragma once

#include <string_view>

namespace bottle {

// 2048 words in alphabetical order, with a space behind each.
[[nodiscard]] std::string_view phrase_words() noexcept;

}  // namespace bottle
