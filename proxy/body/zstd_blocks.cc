#include "proxy/body/zstd_blocks.h"

#include <algorithm>

namespace bottle {
namespace {

constexpr std::uint32_t kMagic = 0xfd2fb528;
constexpr unsigned kRaw = 0;
constexpr unsigned kRle = 1;
constexpr unsigned kReserved = 3;

// The frame header behind its descriptor (RFC 8878 section 3.1.1.1.1): window, dictionary, size.
bool is_single_segment(std::uint64_t descriptor) { return (descriptor >> 5) & 1; }

std::size_t content_size_bytes(std::uint64_t descriptor) {
  static constexpr std::size_t kBytes[] = {0, 2, 4, 8};
  const std::uint64_t flag = descriptor >> 6;
  return flag == 0 && is_single_segment(descriptor) ? 1 : kBytes[flag];
}

std::size_t header_size(std::uint64_t descriptor) {
  static constexpr std::size_t kDictionaryId[] = {0, 1, 2, 4};
  return (is_single_segment(descriptor) ? 0 : 1) + kDictionaryId[descriptor & 3] +
         content_size_bytes(descriptor);
}

}  // namespace

bool ZstdBlocks::passed(ByteView bytes) {
  while (!bytes.empty()) {
    if (at_ == At::End) return false;
    if (at_ == At::Block || at_ == At::Checksum) {
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
  value_ = (value_ >> 8) | (static_cast<std::uint64_t>(byte) << 56);
  ++open_;
  --left_;
  return left_ > 0 || part_ended();
}

// The last `bytes` (1 to 8) of this part, little-endian.
std::uint64_t ZstdBlocks::number(std::size_t bytes) const { return value_ >> (64 - 8 * bytes); }

void ZstdBlocks::expect(At at, std::size_t size) {
  at_ = at;
  left_ = size;
  value_ = 0;
}

bool ZstdBlocks::part_ended() {
  switch (at_) {
    case At::Magic:
      if (number(4) != kMagic) return false;
      expect(At::Descriptor, 1);
      return true;
    case At::Descriptor: {
      const std::uint64_t descriptor = number(1);
      has_checksum_ = (descriptor >> 2) & 1;
      content_size_bytes_ = content_size_bytes(descriptor);
      expect(At::Header, header_size(descriptor));  // never empty: a window or a size is there
      return true;
    }
    case At::Header:
      if (content_size_bytes_ > 0) {
        content_size_ = number(content_size_bytes_) + (content_size_bytes_ == 2 ? 256 : 0);
      }
      expect(At::BlockHeader, 3);
      return true;
    case At::BlockHeader: {
      const std::uint64_t header = number(3);
      last_block_ = header & 1;
      const std::uint64_t type = (header >> 1) & 3;
      const auto size = static_cast<std::size_t>(header >> 3);
      if (type == kReserved) return false;
      // A run or compressed form of nothing: no encoder writes it, and the library itself reads it
      // in two ways, depending on how much input it has at once.
      if (type != kRaw && size == 0) return false;
      expect(At::Block, type == kRle ? 1 : size);
      return left_ > 0 || part_ended();
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
