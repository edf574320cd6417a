#pragma once

#include <cstddef>

#include "proxy/base/bytes.h"

namespace bottle {

// The part of a JSON string that no pattern for text can say anything about, as [begin, end) of its
// bytes. Empty: there is none.
struct OpaquePart {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] bool empty() const noexcept { return begin == end; }
};

// A shorter run of base64 is shown: patterns can be as long as that.
inline constexpr std::size_t kShortestOpaque = 256;

// `raw`: what stands between a JSON string's quotes. The string is opaque if all of it is base64 or
// base64url (RFC 4648 sections 4 and 5; one alphabet, padding at its end or none) of
// kShortestOpaque characters or more, also behind "data:TYPE;base64,", and its bytes are
//  - an image (PNG, JPEG, GIF, WebP) or a PDF, by the magic number and the first chunk's structure,
//  - or as good as random: each 512 of them have 7.2 bits of entropy a byte, as what is encrypted,
//    signed or compressed has. Text in any encoding of its own has less than 6.
// Linear.
[[nodiscard]] OpaquePart opaque_part(ByteView raw);

}  // namespace bottle
