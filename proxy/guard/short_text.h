#pragma once

#include <cstddef>

#include "proxy/base/bytes.h"
#include "proxy/guard/secret_set_impl.h"

namespace bottle {

// Most texts that are found in a text are no texts: words of one length that chance put together,
// decoded to a few bytes. A text that is this short can be judged as a whole, without a TextScan.
inline constexpr std::size_t kShortText = 64;
// Every match of a shape has so many printable bytes behind each other, at least.
inline constexpr std::size_t kPrintableInShape = 7;

// A TextScan might find something in `text`, which is complete and has at most kShortText bytes.
// False: it finds nothing, in none of the text's layers, nor in what is encoded in it.
[[nodiscard]] bool may_tell(ByteView text, const SecretSetImpl& set);

}  // namespace bottle
