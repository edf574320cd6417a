#pragma once

#include <nghttp2/nghttp2.h>

namespace bottle {

// The allocator of an HTTP/2 session of the library, which (1.52) frees an item twice when its list
// of streams cannot grow. It is given no null: its pieces are small and few, so it waits for them.
[[nodiscard]] nghttp2_mem memory_that_comes() noexcept;

}  // namespace bottle
