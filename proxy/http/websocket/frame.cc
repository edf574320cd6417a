#include "proxy/http/websocket/frame.h"

#include <bit>
#include <cstring>

namespace bottle::websocket {

void apply_mask(ByteSpan bytes, const char (&mask)[4], std::uint64_t at) noexcept {
  // Eight at a time: the mask is laid out twice, turned to where the bytes begin.
  char turned[8];
  for (std::size_t i = 0; i < sizeof turned; ++i) turned[i] = mask[(at + i) % 4];
  std::uint64_t word = 0;
  std::memcpy(&word, turned, sizeof word);
  std::size_t i = 0;
  for (; i + sizeof word <= bytes.size(); i += sizeof word) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + i, sizeof eight);
    eight ^= word;
    std::memcpy(bytes.data() + i, &eight, sizeof eight);
  }
  for (; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^
                                 static_cast<unsigned char>(turned[i % 4]));
  }
}

}  // namespace bottle::websocket
