#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "certs/digest.h"
#include "proxy/base/bytes.h"
#include "proxy/credentials/aws_signature.h"
#include "proxy/http/head.h"

namespace bottle {

// True if the head says that each chunk of the body has a signature of its own
// (STREAMING-AWS4-HMAC-SHA256-PAYLOAD, also with a trailer).
[[nodiscard]] bool signs_chunks(const RequestHead& head);

// Makes the signatures of a body's chunks anew, and its trailer's, in the same length. Each covers
// the one before it, from the head's on, and those that the client made are checked on the way:
// from the first on that is not the placeholder's, or is no such framing, the body goes on as it
// is, and the service refuses it. A chunk's signature stands before its bytes, so a chunk is held.
class AwsChunkSigner {
 public:
  static constexpr std::size_t kMaxChunk = 1u << 20;  // SDKs sign 64 or 128 KiB

  // The head's signature as the client sent it, and the digits that took its place.
  AwsChunkSigner(const AwsSignature& sent, std::string_view anew, ByteView placeholder,
                 ByteView value);

  // The bytes that are certain now.
  [[nodiscard]] Bytes feed(ByteView piece);
  // The body has ended: what was held.
  [[nodiscard]] Bytes finish();
  // So many bytes are held.
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
  // True once a chunk was longer than kMaxChunk. Nothing comes out any more.
  [[nodiscard]] bool chunk_too_long() const noexcept { return too_long_; }

 private:
  enum class At : std::uint8_t { SizeLine, Data, Trailer, AsItIs };
  // One step; false if it needs more bytes.
  bool step(Bytes& out);
  bool take_size_line();
  bool take_chunk(Bytes& out);
  bool take_trailer_line(Bytes& out);
  // Puts the next signature of `kind` over `text` at `at` of what is held, where the client's is.
  bool sign(std::string_view kind, std::string_view text, std::size_t at);
  bool as_it_is();

  const std::string time_, scope_;
  const std::unique_ptr<MacKey> client_key_, key_;
  std::string client_digits_, digits_;  // the last ones
  At at_ = At::SizeLine;
  Bytes held_;             // from the chunk's size line on
  std::size_t line_ = 0;   // the size line's bytes with its end
  std::size_t chunk_ = 0;  // its data's
  std::string trailers_;   // as they are signed
  bool too_long_ = false;
};

}  // namespace bottle
