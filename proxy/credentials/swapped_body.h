#pragma once

#include <memory>
#include <optional>

#include "proxy/body/body_filter.h"
#include "proxy/credentials/credential_use.h"
#include "proxy/http/byte_queue.h"

namespace bottle {

// A body with credentials put in or taken out, of the same length, as it comes. What may be the
// beginning of one is held back until the next piece.
class SwappedBody final : public BodyFilter {
 public:
  enum class Way : std::uint8_t { Out, Back };
  SwappedBody(std::unique_ptr<BodySource> inner, std::shared_ptr<const CredentialUse> use, Way way);
  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !out_.empty() || BodyFilter::ready();
  }

 private:
  const std::shared_ptr<const CredentialUse> use_;
  const Way way_;
  TextSwaps swaps_;
  ByteQueue out_;
  std::optional<Fields> trailers_;
};

}  // namespace bottle
