#pragma once

#include <cstdint>

namespace bottle {

// How much of a request's body the scanner was shown, as the audit log tells it
// (docs/what-pipelock-sees.md). Zeros: it was shown all of it, or there was no scanner.
struct ShownRecord {
  std::uint64_t shown_bytes = 0;
  std::uint64_t sent_bytes = 0;
  // Strings that were left out, by reason.
  std::uint64_t seen = 0;        // the scanner passed them to this destination before
  std::uint64_t theirs = 0;      // the destination sent them itself
  std::uint64_t unreadable = 0;  // no pattern for text can read them
  std::uint64_t repeated = 0;    // short ones that stand in this body before

  bool operator==(const ShownRecord&) const = default;
  [[nodiscard]] std::uint64_t left_out() const noexcept {
    return seen + theirs + unreadable + repeated;
  }
};

}  // namespace bottle
