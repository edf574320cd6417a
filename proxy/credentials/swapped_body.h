#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/body/body_filter.h"
#include "proxy/credentials/credential_use.h"
#include "proxy/http/byte_queue.h"

namespace bottle {

// The messages of a gRPC stream, each of which has five bytes of flag and length before it. Neither
// flag is in any credential, so none goes on behind a message's end.
class GrpcMessages {
 public:
  // How many bytes of the piece come behind the last message that ends in it; npos if none does,
  // and from the first byte on that is no flag.
  [[nodiscard]] std::size_t behind_last(ByteView piece);

 private:
  std::size_t head_ = 0;  // so many of the five bytes were read
  std::uint64_t length_ = 0;
  std::uint64_t left_ = 0;  // of the message
  bool lost_ = false;
};

// A body with credentials put in or taken out, as it comes. On the way back it keeps its length,
// and on the way out if all values that are put in have their placeholders' length. The last bytes
// are held back until the next piece: on the way back as many whatever they are, so that the time
// and the size of pieces tell nothing of the value.
class SwappedBody final : public BodyFilter {
 public:
  // BackGrpc: as Back, and no message of gRPC waits for the next one.
  enum class Way : std::uint8_t { Out, Back, BackGrpc };
  SwappedBody(std::unique_ptr<BodySource> inner, std::shared_ptr<const CredentialUse> use, Way way);
  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !out_.empty() || BodyFilter::ready();
  }

 private:
  const std::shared_ptr<const CredentialUse> use_;
  const Way way_;
  TextSwaps swaps_;
  GrpcMessages messages_;
  ByteQueue out_;
  std::optional<Fields> trailers_;
};

}  // namespace bottle
