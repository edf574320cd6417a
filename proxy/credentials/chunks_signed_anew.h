#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "proxy/body/body_filter.h"
#include "proxy/body/decode_space.h"
#include "proxy/credentials/aws_chunk_signer.h"
#include "proxy/http/byte_queue.h"

namespace bottle {

// A request's body whose chunks are signed anew. The memory of a chunk that waits is the decoders'.
class ChunksSignedAnew final : public BodyFilter {
 public:
  // `space` outlives it.
  ChunksSignedAnew(std::unique_ptr<BodySource> inner, std::unique_ptr<AwsChunkSigner> signer,
                   DecodeSpace& space);
  ~ChunksSignedAnew() override;
  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !out_.empty() || BodyFilter::ready();
  }

 private:
  [[nodiscard]] Result<> account();

  const std::unique_ptr<AwsChunkSigner> signer_;
  DecodeSpace& space_;
  std::size_t taken_ = 0;
  ByteQueue out_;
  std::optional<Fields> trailers_;
};

}  // namespace bottle
