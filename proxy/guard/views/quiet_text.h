#pragma once

#include <cstddef>

#include "proxy/base/bytes.h"

namespace bottle {

// Passes the text in which a RunFinder would find nothing, many bytes at a time. It may stop early
// but never late.

// A finder's state between two bytes, with no run open and none of its readers reading.
struct QuietState {
  std::size_t open = 0;     // bytes of the word that is not complete, fewer than a run's
  std::size_t size = 0;     // of the words of one length that the text ends with
  std::size_t joined = 0;   // bytes of those words together
  std::size_t numbers = 0;  // words of the list that is not yet long enough, with the open one
};

struct QuietText {
  // A finder that knows nothing of the text before may begin here, at the beginning of a word or
  // between words. If that is where the quiet text began, then the finder needs the state it had.
  std::size_t resume = 0;
  // The finder has to read up to here, at least.
  std::size_t end = 0;
};

// With what the CPU has, or with what every CPU has.
enum class Kernel { Best, Portable };

// Reads `in` from `from` on, which is not its beginning.
using PassQuietText = QuietText (*)(ByteView in, std::size_t from, const QuietState& state);
[[nodiscard]] PassQuietText pass_quiet_text(Kernel kernel) noexcept;

}  // namespace bottle
