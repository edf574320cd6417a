#pragma once

#include "proxy/base/bytes.h"

namespace bottle {

// True if an address ("host/path?query", without scheme) looks as if it carried data away: a value
// of its query is a placeholder for what a conversation holds, or long and encoded. `image`: it is
// fetched as soon as the text is shown. Pictures of build states, signed addresses and documented
// placeholders are none.
[[nodiscard]] bool carries_data(ByteView address, bool image);

}  // namespace bottle
