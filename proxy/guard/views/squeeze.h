#pragma once

#include "proxy/base/bytes.h"

namespace bottle {

// Appends the ASCII letters and digits of `in` to `out` and leaves out all else: a value that was
// cut up by separators, line breaks, quotes or the zero bytes of UTF-16 is in one piece again.
// Keeps no state: a text may be squeezed in any pieces.
void squeeze(ByteView in, Bytes& out);

}  // namespace bottle
