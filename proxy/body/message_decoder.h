#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/body/body_form.h"
#include "proxy/body/content_decoder.h"
#include "proxy/http/grpc_frames.h"

namespace bottle {

// Takes the framing off a body of messages, and the compression off those that have it: what comes
// out is what the messages hold, one behind the other. A decoder lives as long as its message does.
// make_decoder() has the failures.
class MessageDecoder final : public ContentDecoder {
 public:
  MessageDecoder(const MessageForm& form, DecodeLimits limits, DecodeSpace& space);

  Result<Progress> decode(ByteView in, ByteSpan out) override;
  Result<> finish() override;
  [[nodiscard]] bool ended() const override { return false; }
  [[nodiscard]] std::size_t unseen() const override { return coded_ ? coded_->unseen() : 0; }

 private:
  [[nodiscard]] Result<Progress> step(ByteView in, ByteSpan out);
  [[nodiscard]] Result<Progress> inflate(ByteView in, ByteSpan out);
  [[nodiscard]] Failure fail(Failure failure);

  const std::optional<Coding> coding_;
  const bool unread_passes_;
  const DecodeLimits limits_;
  DecodeSpace& space_;
  GrpcFrames frames_;
  std::unique_ptr<ContentDecoder> coded_;  // of the message, if it is compressed
  std::uint64_t in_ = 0;                   // of all messages, for the ratio
  std::uint64_t out_ = 0;
  std::optional<Failure> failure_;
};

}  // namespace bottle
