#include "proxy/http/grpc_frames.h"

#include <algorithm>

#include "proxy/contract/problem_codes.h"

namespace bottle {

Result<std::optional<GrpcFrames::Begun>> GrpcFrames::begin(ByteView& in) {
  while (have_ < kPrefix && !in.empty()) {
    prefix_[have_++] = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
  }
  if (have_ < kPrefix) return std::optional<Begun>();
  if ((prefix_[0] & ~allowed_) != 0) {
    return Failure{Code::ClientBad, "a gRPC message has flags that there are not",
                   problem_code::kCodingBroken,
                   "The body must be gRPC messages, as its Content-Type says."};
  }
  have_ = 0;
  Begun begun;
  begun.compressed = (prefix_[0] & kCompressed) != 0;
  begun.size = std::uint32_t{prefix_[1]} << 24U | std::uint32_t{prefix_[2]} << 16U |
               std::uint32_t{prefix_[3]} << 8U | prefix_[4];
  left_ = begun.size;
  return std::optional<Begun>(begun);
}

void GrpcFrames::passed(std::size_t bytes) noexcept { left_ -= std::min(bytes, left_); }

}  // namespace bottle
