#pragma once

#include <memory>

#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/guard/scan_tree.h"

namespace bottle {

// Inflates the compressed streams that the guard finds inside texts (a gzip in base64). One a
// worker; `space` outlives it, and it outlives its inflaters.
class TextInflater final : public InflaterMaker {
 public:
  TextInflater(DecodeSpace& space, DecodeLimits limits) : space_(space), limits_(limits) {}
  TextInflater(const TextInflater&) = delete;
  TextInflater& operator=(const TextInflater&) = delete;

  // Null for StreamMark::None and Maybe.
  [[nodiscard]] std::unique_ptr<Inflater> make(StreamMark mark) override;

 private:
  DecodeSpace& space_;
  const DecodeLimits limits_;
};

}  // namespace bottle
