#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// Undoes percent-encoding in a stream, in any split: %XX of either case becomes its byte, what is
// no escape stays. Holds at most two bytes.
class PercentDecoder {
 public:
  // `plus_is_space`: as in forms and many queries.
  explicit PercentDecoder(bool plus_is_space) : plus_is_space_(plus_is_space) {}
  // Appends the decoded bytes to `out`; a cut-off escape waits for the next call.
  void decode(ByteView in, Bytes& out);
  // The input ended: bytes that wait are no escape, and are appended as they are.
  void flush(Bytes& out);
  // True if `in` would come out as it is.
  [[nodiscard]] bool passes(ByteView in) const;

 private:
  const bool plus_is_space_;
  char held_[2] = {};
  std::size_t held_size_ = 0;
};

// Undoes the escapes of JSON's strings (RFC 8259 section 7) in a stream, wherever they stand: a
// scanner need not know where strings begin. Holds at most six bytes and half a surrogate pair.
class JsonUnescaper {
 public:
  void decode(ByteView in, Bytes& out);
  void flush(Bytes& out);
  [[nodiscard]] bool passes(ByteView in) const;

 private:
  void step(char c, Bytes& out);
  void code_unit(std::uint32_t unit, Bytes& out);

  char held_[6] = {};
  std::size_t held_size_ = 0;
  std::uint32_t high_surrogate_ = 0;
};

}  // namespace bottle
