#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// The encoding that a child text was made from.
enum class Coded : std::uint8_t {
  Base64,  // and base64url
  Base32,
  Hex,      // pairs of digits, with or without separators, \x or 0x
  Numbers,  // a list of byte values, decimal or octal
  Dump,     // lines of offset and cells: xxd, od, hexdump
  QuotedPrintable,
  Uuencode,
  GitObject,  // a whole object of a pack, inflated
  GitDelta,   // the literal bytes of a delta object of a pack
};

// Says which child text a piece belongs to and where that stands in its parent.
struct ViewSpec {
  // Of the parent's text: where the encoded run began, and how far it has been read with this
  // piece. The bytes that the child was made from are within [begin, end) of the piece that has
  // `last`; a run may have been read further than that, and on how far the cuts have a say.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  Coded coded = Coded::Base64;
  // Pieces of the same slot, from one that has `first` to one that has `last`, are one text. At
  // most one text of a slot is open at a time; several slots may be open at once.
  std::uint8_t slot = 0;
  bool first = false;
  bool last = false;  // the piece may be empty
};

// Receives the child texts that a reader finds in its text. `text` lives until view() returns.
class ViewSink {
 public:
  virtual ~ViewSink() = default;
  virtual void view(ByteView text, ViewSpec where) = 0;
};

}  // namespace bottle
