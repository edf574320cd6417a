#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bottle {

// How an ask ended: a person's answer (Allow, Once, Deny), or that there was none. None: the time
// was up; Left: no client waits any more; Closed: the proxy stops.
enum class AskAnswer : std::uint8_t { Allow, Once, Deny, None, Left, Closed };

namespace ask_answer {
inline constexpr std::array<std::string_view, 6> kWords{"allow", "once", "deny",
                                                        "none",  "left", "closed"};
inline constexpr std::size_t kGiven = 3;  // a person can give the first so many
}  // namespace ask_answer

[[nodiscard]] constexpr std::string_view to_string(AskAnswer answer) noexcept {
  return ask_answer::kWords[static_cast<std::size_t>(answer)];
}

// nullopt: a person cannot give that answer.
[[nodiscard]] constexpr std::optional<AskAnswer> given_answer(std::string_view word) noexcept {
  for (std::size_t i = 0; i < ask_answer::kGiven; ++i) {
    if (ask_answer::kWords[i] == word) return static_cast<AskAnswer>(i);
  }
  return std::nullopt;
}

}  // namespace bottle
