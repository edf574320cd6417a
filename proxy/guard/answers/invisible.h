#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// Looks for characters that no person sees, in UTF-8 of any split: tag characters and variation
// selectors in a row (they spell texts), zero-width ones in a row or within words, and those that
// turn the direction of writing within ASCII. Characters that scripts and emoji need are none of
// it: joiners between letters of other scripts, the flags' tags, one selector behind a picture.
class Invisible {
 public:
  // True once it has been found.
  [[nodiscard]] bool feed(ByteView in);

 private:
  void character(char32_t c);
  void invisible(char32_t c);

  bool found_ = false;
  char32_t partial_ = 0;
  unsigned missing_ = 0;  // bytes of a character
  std::uint64_t at_ = 0;  // characters
  char32_t last_ = 0;     // the last visible one
  // Invisible ones since then.
  unsigned run_ = 0;
  unsigned tags_ = 0;
  unsigned selectors_ = 0;
  unsigned widths_ = 0;
  bool flag_ = false;
  // Of the last characters: words cut by what is not seen, and turns of direction.
  std::uint64_t counted_from_ = 0;
  unsigned cuts_ = 0;
  unsigned turns_ = 0;
};

}  // namespace bottle
