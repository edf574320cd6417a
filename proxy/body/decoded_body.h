#pragma once

#include <memory>
#include <optional>

#include "proxy/body/content_decoder.h"
#include "proxy/http/body.h"

namespace bottle {

// A response's body without its content coding: the scanner reads no coded one. A body that does
// not decode, or to more than `limits`, is the origin's failure (UpstreamBroken, with the decoder's
// reason). An empty body is one without a coding.
class DecodedBody final : public BodySource {
 public:
  DecodedBody(std::unique_ptr<BodySource> coded, Codings codings, DecodeLimits limits,
              DecodeSpace& space);
  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return may_have_more_ || coded_->ready(); }
  void stop(Failure why) noexcept override;

 private:
  [[nodiscard]] Result<Bytes> decode(std::size_t max);

  std::unique_ptr<BodySource> coded_;
  std::unique_ptr<ContentDecoder> decoder_;
  Bytes input_;
  std::size_t at_ = 0;          // of input_
  bool may_have_more_ = false;  // the decoder filled its room
  bool empty_ = true;           // nothing came yet
  bool ended_ = false;          // the coded body did
  std::optional<Fields> trailers_;
};

}  // namespace bottle
