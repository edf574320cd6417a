#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/base/bytes.h"

namespace bottle {

// Follows the block structure of one Zstandard frame (RFC 8878 section 3.1.1) without decoding it.
// The decoder gives a block's content out when it has all of the block; until then its bytes are
// unread, and this counts them.
class ZstdBlocks {
 public:
  // These bytes went to the decoder. False: this is not one ordinary frame (a skippable one, one
  // of an older format, a reserved block type) or it has ended before.
  [[nodiscard]] bool passed(ByteView bytes);
  // Bytes since the last block that is complete; 0 at the frame's end.
  [[nodiscard]] std::size_t open_bytes() const { return open_; }
  // The content's size as the frame declares it; the library does not always hold it to that.
  [[nodiscard]] std::optional<std::uint64_t> content_size() const { return content_size_; }

 private:
  enum class At : std::uint8_t { Magic, Descriptor, Header, BlockHeader, Block, Checksum, End };
  [[nodiscard]] bool step(unsigned char byte);
  [[nodiscard]] bool part_ended();
  [[nodiscard]] std::uint64_t number(std::size_t bytes) const;
  void expect(At at, std::size_t size);

  At at_ = At::Magic;
  std::size_t left_ = 4;     // bytes of this part that are still to come
  std::uint64_t value_ = 0;  // the last eight bytes of this part, the latest one on top
  std::size_t content_size_bytes_ = 0;
  std::optional<std::uint64_t> content_size_;
  std::size_t open_ = 0;
  bool last_block_ = false;
  bool has_checksum_ = false;
};

}  // namespace bottle
