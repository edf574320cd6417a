#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/body/codings.h"

namespace bottle {

class DecodeSpace;

struct DecodeLimits {
  std::uint64_t decoded_bytes = 32u << 20;  // as the spool: the most that pipelock scans
  std::uint64_t ratio = 100;                // decoded to coded; text rarely exceeds 20
  std::uint64_t ratio_after = 1u << 20;     // small bodies may be very regular
  std::size_t memory_bytes = 64u << 20;     // of all decoders of one worker: seven largest windows
};

// Takes content codings off a body, piece by piece. Memory comes from `space` when it is needed
// (the coding's window: gzip and deflate 32 KiB, brotli 16 MiB, zstd 8 MiB at most) and goes back
// to it with the decoder. Exactly one gzip member, zlib or raw deflate stream, brotli stream, zstd
// frame, or aws-chunked body must make up the body: bytes behind it are an error, because another
// reader might see another body in them. `limits` are for what compresses; framing makes nothing
// larger.
//
// Failures: ClientBad (reason "coding_broken"), BodyTooLarge ("coding_bomb" or "body_too_large"),
// NotSupported ("coding_not_scannable": zstd dictionaries and windows above 8 MiB), Overloaded
// ("decode_memory_full"). After a Failure the object is finished.
class ContentDecoder {
 public:
  struct Progress {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };

  virtual ~ContentDecoder() = default;
  // `space` outlives it.
  [[nodiscard]] static std::unique_ptr<ContentDecoder> make(const Codings& codings,
                                                            DecodeLimits limits,
                                                            DecodeSpace& space);

  // Decodes from `in` to `out` until one of them is used up. Call it again with the rest while
  // input is left or `out` came back full. 64 KiB is a good `out`: limits are checked on each call.
  [[nodiscard]] virtual Result<Progress> decode(ByteView in, ByteSpan out) = 0;
  // The body ended here: fails unless the coding did too. A body without any byte is no coded body.
  [[nodiscard]] virtual Result<> finish() = 0;
  // The coding has ended: any further byte is an error.
  [[nodiscard]] virtual bool ended() const = 0;
  // How many of the last bytes consumed have not shown in the output yet, for codings that decode
  // in blocks (zstd). Such bytes are not scanned yet and must not be sent on.
  [[nodiscard]] virtual std::size_t unseen() const = 0;
};

// The whole of a body at once, for short ones and tests.
[[nodiscard]] Result<Bytes> decode_all(const Codings& codings, DecodeLimits limits, ByteView body);

}  // namespace bottle
