#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// Undoes one layer of escapes in a stream, in any split: percent-encoding (%XX, %uXXXX), the
// escapes of strings (JSON's, RFC 8259 section 7; \xXX, \NNN, \u{X} and \UXXXXXXXX too), and HTML's
// character references (numeric, and the names that stand for ASCII). All three in one pass: a text
// that mixes them needs one layer. Wherever an escape stands it is undone; what is no escape stays
// as it is. Nothing grows: the output is never longer than the input.
class EscapeView {
 public:
  static constexpr std::size_t kMaxHeld = 11;  // "&#x0010ffff" waits for the ';' that may follow

  // The first byte of `in` that begins an escape, or that may begin one that the end of `in` cuts
  // off; npos if there is none. Several GB/s on text without '%', '\' and '&'.
  [[nodiscard]] static std::size_t find_escape(ByteView in) noexcept;

  // `in` would come out as it is, and nothing is held.
  [[nodiscard]] bool passes(ByteView in) const noexcept {
    return !is_waiting() && find_escape(in) == ByteView::npos;
  }
  // Appends the decoded bytes to `out`; a cut-off escape waits for the next call.
  void decode(ByteView in, Bytes& out);
  // The input ended: the waiting bytes are no escape, and are appended as they are.
  void flush(Bytes& out);
  // Part of an escape was read.
  [[nodiscard]] bool is_waiting() const noexcept { return held_size_ != 0 || high_surrogate_ != 0; }
  // Bytes of the input that wait to be complete: at most kMaxHeld.
  [[nodiscard]] std::size_t held() const noexcept { return held_size_; }

 private:
  struct Escape;
  // Decodes what can be decided of `in` to `to`, which has room for it; returns the end of what was
  // written. The rest is held.
  char* decode_to(ByteView in, bool final, char* to);
  char* put(const Escape& escape, char* to);

  std::array<char, kMaxHeld> held_{};
  std::uint8_t held_size_ = 0;
  std::uint16_t high_surrogate_ = 0;  // half of a \uXXXX\uXXXX pair
};

}  // namespace bottle
