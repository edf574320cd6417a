#pragma once

#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle::websocket {

// Checks that a text that comes in pieces is UTF-8 (RFC 3629). A wrong byte is told at once, not
// first when its sequence is over.
class Utf8Check {
 public:
  // False: it is none; every further call says the same.
  [[nodiscard]] bool feed(ByteView piece) noexcept;
  // No sequence is open: the text may end here.
  [[nodiscard]] bool complete() const noexcept { return good_ && left_ == 0; }
  // The next text.
  void reset() noexcept { *this = Utf8Check(); }

 private:
  bool good_ = true;
  unsigned char left_ = 0;      // bytes of the sequence that are still to come
  unsigned char least_ = 0x80;  // the bounds of the next one
  unsigned char most_ = 0xbf;
};

}  // namespace bottle::websocket
