#include "proxy/http/body.h"

#include <algorithm>

namespace bottle {

awaitable<Result<Chunk>> BytesSource::read(std::size_t max) {
  Chunk chunk;
  const std::size_t n = std::min(max, bytes_.size() - at_);
  if (at_ == 0 && n == bytes_.size()) {
    chunk.data = std::move(bytes_);
    bytes_.clear();
  } else {
    chunk.data = bytes_.substr(at_, n);
    at_ += n;
  }
  chunk.end = at_ == bytes_.size() || bytes_.empty();
  co_return chunk;
}

}  // namespace bottle
