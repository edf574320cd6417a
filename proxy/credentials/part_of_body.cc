#include "proxy/credentials/part_of_body.h"

#include <algorithm>
#include <cstddef>

namespace bottle {

awaitable<Result<Chunk>> PartOfBody::read(std::size_t max) {
  for (;;) {
    auto chunk = co_await inner()->read(max);
    if (!chunk) co_return chunk.error();
    const auto skipped =
        static_cast<std::size_t>(std::min<std::uint64_t>(skip_, chunk->data.size()));
    skip_ -= skipped;
    const auto kept =
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, chunk->data.size() - skipped));
    left_ -= kept;
    if (chunk->end && (skip_ > 0 || left_ > 0)) {
      co_return Failure{Code::UpstreamBroken, "the origin gave less of an answer than it said"};
    }
    chunk->data = chunk->data.substr(skipped, kept);
    if (chunk->end || !chunk->data.empty()) co_return chunk;
  }
}

}  // namespace bottle
