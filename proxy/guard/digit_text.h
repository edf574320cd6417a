#pragma once

#include <cstddef>

#include "proxy/base/bytes.h"
#include "proxy/guard/literal_set.h"

namespace bottle {

// Looks for literals of digits in a squeezed text (see squeeze()) that comes in pieces. Pieces
// without so many digits in a row as the shortest literal has are passed over: all but a few of
// ordinary text.
class DigitText {
 public:
  // Reports what ends in `piece`; positions count from the text's beginning.
  void scan(const LiteralSet& set, ByteView piece, LiteralListener& listener);
  void reset() noexcept;

 private:
  LiteralStream stream_;
  std::size_t row_ = 0;  // digits that the text ends with
};

}  // namespace bottle
