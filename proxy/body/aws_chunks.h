#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/bytes.h"

namespace bottle {

// Takes the framing "aws-chunked" of AWS Signature Version 4 off a body:
//   SIZE[;chunk-signature=HEX] CRLF DATA CRLF … 0[;chunk-signature=HEX] CRLF [NAME:VALUE CRLF]…
//   CRLF
// Strict, since another reader must not see another body. Signatures are the service's to check.
class AwsChunks {
 public:
  struct Progress {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };
  // Until `in` or `out` is used up, or the body has ended. Nothing: this is no such framing.
  [[nodiscard]] std::optional<Progress> read(ByteView in, ByteSpan out);
  [[nodiscard]] bool ended() const noexcept { return at_ == At::End; }

 private:
  enum class At : std::uint8_t { SizeLine, Data, DataEnd, Trailer, End };
  [[nodiscard]] bool take_line_byte(char c);
  [[nodiscard]] bool line_ended();
  [[nodiscard]] bool size_line();

  static constexpr std::size_t kMaxSizeLine = 256;       // a signature has 64 or 144 characters
  static constexpr std::size_t kMaxTrailers = 8 * 1024;  // a checksum and a signature
  At at_ = At::SizeLine;
  std::string line_;
  std::uint64_t left_ = 0;  // of the chunk
  std::size_t trailers_ = 0;
};

}  // namespace bottle
