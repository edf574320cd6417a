#pragma once

#include <cstddef>
#include <deque>
#include <memory>

#include "proxy/body/content_decoder.h"

namespace bottle {

// Two decoders, one behind the other: `outer` takes off what was put on last.
class DecoderChain final : public ContentDecoder {
 public:
  // A body of which more than kMaxUnseen bytes in a row show nothing is NotSupported: its readers
  // would have to hold all of them.
  static constexpr std::size_t kMaxUnseen = 1024 * 1024;

  DecoderChain(std::unique_ptr<ContentDecoder> outer, std::unique_ptr<ContentDecoder> inner);

  Result<Progress> decode(ByteView in, ByteSpan out) override;
  Result<> finish() override;
  [[nodiscard]] bool ended() const override { return outer_->ended() && inner_->ended(); }
  [[nodiscard]] std::size_t unseen() const override;

 private:
  // How much the outer decoder made of how many bytes, so that bytes unseen by the inner one can be
  // counted as bytes of the body.
  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };
  void note(const Progress& progress);
  void forget_seen();

  static constexpr std::size_t kBetween = 16 * 1024;
  static constexpr std::size_t kStep = 4 * 1024;  // smaller ones are put together

  std::unique_ptr<ContentDecoder> outer_;
  std::unique_ptr<ContentDecoder> inner_;
  std::unique_ptr<char[]> between_;
  ByteView waiting_;         // of `between_`, for the inner decoder
  bool outer_full_ = false;  // it may have more without input
  bool inner_full_ = false;
  std::deque<Step> steps_;
};

}  // namespace bottle
