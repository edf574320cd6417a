#pragma once

#include <memory>
#include <optional>

#include "proxy/body/body_filter.h"
#include "proxy/body/content_decoder.h"

namespace bottle {

// A response's body without its content coding: the scanner reads no coded one. A body that does
// not decode, or to more than `limits`, is the origin's failure (UpstreamBroken, with the decoder's
// reason). An empty body is one without a coding.
class DecodedBody final : public BodyFilter {
 public:
  DecodedBody(std::unique_ptr<BodySource> coded, Codings codings, DecodeLimits limits,
              DecodeSpace& space);
  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return may_have_more_ || BodyFilter::ready();
  }

 private:
  [[nodiscard]] Result<Bytes> decode(std::size_t max);

  std::unique_ptr<ContentDecoder> decoder_;
  Bytes input_;
  std::size_t at_ = 0;          // of input_
  bool may_have_more_ = false;  // the decoder filled its room
  bool empty_ = true;           // nothing came yet
  std::optional<Fields> trailers_;
};

}  // namespace bottle
