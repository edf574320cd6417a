#include "proxy/upstream/zstd_blocks.h"

#include <algorithm>

namespace bottle {
namespace {

constexpr std::uint32_t kMagic = 0xfd2fb528;
constexpr unsigned kRle = 1;
constexpr unsigned kReserved = 3;

// Bytes of the frame header behind its descriptor (RFC 8878 section 3.1.1.1.1).
std::size_t header_size(unsigned descriptor) {
  const bool single_segment = (descriptor >> 5) & 1;
  static constexpr std::size_t kContentSize[] = {0, 2, 4, 8};
  static constexpr std::size_t kDictionaryId[] = {0, 1, 2, 4};
  const unsigned content_size_flag = descriptor >> 6;
  const std::size_t window = single_segment ? 0 : 1;
  const std::size_t content_size =
      content_size_flag == 0 && single_segment ? 1 : kContentSize[content_size_flag];
  return window + kDictionaryId[descriptor & 3] + content_size;
}

}  // namespace

bool ZstdBlocks::passed(ByteView bytes) {
  while (!bytes.empty()) {
    if (at_ == At::End) return false;
    if (at_ == At::Block || at_ == At::Header || at_ == At::Checksum) {
      const std::size_t size = std::min(left_, bytes.size());
      open_ += size;
      left_ -= size;
      bytes.remove_prefix(size);
      if (left_ == 0 && !part_ended()) return false;
    } else {
      if (!step(static_cast<unsigned char>(bytes.front()))) return false;
      bytes.remove_prefix(1);
    }
  }
  return true;
}

bool ZstdBlocks::step(unsigned char byte) {
  value_ |= static_cast<std::uint32_t>(byte) << shift_;
  shift_ += 8;
  ++open_;
  --left_;
  return left_ > 0 || part_ended();
}

void ZstdBlocks::expect(At at, std::size_t size) {
  at_ = at;
  left_ = size;
  value_ = 0;
  shift_ = 0;
}

bool ZstdBlocks::part_ended() {
  switch (at_) {
    case At::Magic:
      if (value_ != kMagic) return false;
      expect(At::Descriptor, 1);
      return true;
    case At::Descriptor: {
      has_checksum_ = (value_ >> 2) & 1;
      const std::size_t size = header_size(value_);
      if (size == 0) {
        expect(At::BlockHeader, 3);
      } else {
        expect(At::Header, size);
      }
      return true;
    }
    case At::Header:
      expect(At::BlockHeader, 3);
      return true;
    case At::BlockHeader: {
      last_block_ = value_ & 1;
      const unsigned type = (value_ >> 1) & 3;
      if (type == kReserved) return false;
      // A run of nothing: no encoder writes it, and the library itself reads it in two ways.
      if (type == kRle && value_ >> 3 == 0) return false;
      const std::size_t size = type == kRle ? 1 : value_ >> 3;
      expect(At::Block, size);
      return size > 0 || part_ended();
    }
    case At::Block:
      open_ = 0;
      if (!last_block_) {
        expect(At::BlockHeader, 3);
      } else if (has_checksum_) {
        expect(At::Checksum, 4);
      } else {
        expect(At::End, 0);
      }
      return true;
    case At::Checksum:
      open_ = 0;
      expect(At::End, 0);
      return true;
    case At::End:
      break;
  }
  return false;
}

}  // namespace bottle
