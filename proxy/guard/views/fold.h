#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// Folds what looks like ASCII to ASCII, in a stream of UTF-8 in any split. Zero-width, bidi and
// other invisible characters and combining marks are removed; full-width forms, the mathematical
// alphabets, circled, super- and subscript letters and digits (what NFKC makes ASCII), Latin
// letters with marks, and the Cyrillic and Greek look-alikes become the letter. Other characters
// and bytes that are no UTF-8 stay. ASCII stays: the output is never longer than the input.
class Fold {
 public:
  // `in` would come out as it is: all of its characters stay, and nothing is or would be held.
  [[nodiscard]] bool passes(ByteView in) const noexcept;
  void decode(ByteView in, Bytes& out);
  // The input ended: a cut-off character is appended as the bytes it is.
  void flush(Bytes& out);

 private:
  std::array<char, 4> held_{};  // the bytes of a character that is not complete
  std::uint8_t held_size_ = 0;
};

}  // namespace bottle
