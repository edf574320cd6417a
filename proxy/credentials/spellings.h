#pragma once

#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// A text in another spelling, and the one that takes its place, which is as long.
struct Spelling {
  Bytes text;
  Bytes shown;
};

// With the escapes of a URL, in which all that is not unreserved (RFC 3986) is escaped.
[[nodiscard]] Bytes escaped_in_url(ByteView text);

// The spellings of `text`, ASCII, with escapes of URLs and JSON as encoders in use write them, each
// once, and not `text` itself. `shown`, as long as `text`, is spelled in the same way; where that
// has another length, it stands as it is and is filled up. None is longer than six times the text.
[[nodiscard]] std::vector<Spelling> spellings_of(ByteView text, ByteView shown);

// Overwrites a secret.
void wipe(Bytes& secret);

}  // namespace bottle
