#pragma once

#include <nghttp2/nghttp2.h>

namespace bottle {

// The allocator of the library's sessions. It gives no null: the library (1.52) frees an item twice
// when its list of streams cannot grow, and its pieces are small and few, so it waits for them.
//
// Each session has a buffer for a frame of 16 KiB, of which an idle connection needs the first
// bytes. Such a block is a mapping of its own, so only the pages that were written are there.
[[nodiscard]] nghttp2_mem* h2_memory() noexcept;

}  // namespace bottle
