#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// Undoes the escapes of a JSON string (RFC 8259 section 7) that comes in pieces, so that two
// spellings of one text become the same bytes. An escape of half a surrogate pair becomes three
// bytes as UTF-8 would write that number; an escape that is none stands for itself.
class JsonUnescape {
 public:
  // The bytes up to the closing quote, which is not among them. Appends.
  void feed(ByteView raw, Bytes& out);
  // The string ended.
  void finish(Bytes& out);

 private:
  void step(char c, Bytes& out);
  void take_code(Bytes& out);
  void flush_half(Bytes& out);

  // Of an escape that is not complete: the characters behind the backslash.
  bool escaped_ = false;
  std::size_t digits_ = 0;  // of \u so far, and one for the u
  std::uint32_t code_ = 0;
  std::uint32_t half_ = 0;  // the first half of a pair; 0: none
};

}  // namespace bottle
