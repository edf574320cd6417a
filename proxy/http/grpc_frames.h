#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

namespace bottle {

// Reads the framing of gRPC messages, split anywhere: in front of each message a byte of flags and
// its length in four bytes (gRPC over HTTP/2; grpc-web and Connect's streams use the same). A value
// without memory of its own; messages may have any length, and nothing of them is kept.
//
// Failure: ClientBad ("coding_broken"), for a flag that is not allowed. Final.
class GrpcFrames {
 public:
  static constexpr std::uint8_t kCompressed = 0x01;
  static constexpr std::uint8_t kConnectEnd = 0x02;   // Connect: the last message, JSON
  static constexpr std::uint8_t kWebTrailers = 0x80;  // grpc-web: the last message, trailers
  static constexpr std::size_t kPrefix = 5;

  // `allowed`: the flags that a message may have.
  explicit GrpcFrames(std::uint8_t allowed) noexcept : allowed_(allowed) {}

  struct Begun {
    bool compressed = false;
    std::uint32_t size = 0;
  };
  // Takes a prefix, or the part of one that is there, off the front of `in`; only between two
  // messages. A value: the prefix is complete, and `size` bytes of a message follow.
  [[nodiscard]] Result<std::optional<Begun>> begin(ByteView& in);
  // So many bytes of the message were read.
  void passed(std::size_t bytes) noexcept;
  // Bytes of the message that are still to come. 0: between two messages.
  [[nodiscard]] std::size_t left() const noexcept { return left_; }
  // The body may end here.
  [[nodiscard]] bool whole() const noexcept { return left_ == 0 && have_ == 0; }

 private:
  std::uint8_t allowed_;
  std::array<std::uint8_t, kPrefix> prefix_{};
  std::size_t have_ = 0;  // of the prefix
  std::size_t left_ = 0;
};

}  // namespace bottle
