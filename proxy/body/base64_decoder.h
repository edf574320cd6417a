#pragma once

#include <cstdint>

#include "proxy/body/content_decoder.h"

namespace bottle {

// Takes base64 (RFC 4648 section 4) off a body: any number of texts one behind the other, each with
// its own padding, as grpc-web-text is sent. Spaces and line ends do not count. Failure: ClientBad
// ("coding_broken") for any other character, and for an end that is no whole byte.
class Base64Decoder final : public ContentDecoder {
 public:
  Result<Progress> decode(ByteView in, ByteSpan out) override;
  Result<> finish() override;
  [[nodiscard]] bool ended() const override { return false; }
  // Characters that make no whole byte yet.
  [[nodiscard]] std::size_t unseen() const override { return characters_ > 0 ? 1 : 0; }

 private:
  std::uint32_t bits_ = 0;
  unsigned characters_ = 0;  // of a group of four
  unsigned padding_ = 0;     // of it
};

}  // namespace bottle
