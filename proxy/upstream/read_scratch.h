#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// Where an upstream's bytes are read to: what came is taken out in the same turn, so one a thread
// is enough, and a connection that waits holds none. At most kReadScratch bytes. Apart from those
// that clients' bytes are read to: one may be in use when a read of the other begins.
inline constexpr std::size_t kReadScratch = 64 * 1024;
inline ByteSpan upstream_read_scratch(std::size_t size) {
  static thread_local std::vector<char> scratch(kReadScratch);
  return ByteSpan(scratch).first(std::min(size, scratch.size()));
}

}  // namespace bottle
