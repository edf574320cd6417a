#include "proxy/http/websocket/utf8_check.h"

#include <cstddef>
#include <cstring>

namespace bottle::websocket {
namespace {

// So many bytes from `at` on are ASCII; in steps of eight.
std::size_t ascii_run(ByteView text, std::size_t at) noexcept {
  const std::size_t begin = at;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if ((eight & 0x8080808080808080u) != 0) break;
  }
  return at - begin;
}

}  // namespace

bool Utf8Check::feed(ByteView piece) noexcept {
  if (!good_) return false;
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (left_ == 0) {
      i += ascii_run(piece, i);
      if (i == piece.size()) break;
    }
    const auto byte = static_cast<unsigned char>(piece[i]);
    if (left_ > 0) {
      good_ = byte >= least_ && byte <= most_;
      if (!good_) return false;
      --left_;
      least_ = 0x80;
      most_ = 0xbf;
      continue;
    }
    if (byte < 0x80) continue;
    // The second byte's bounds keep out overlong forms, surrogates and what is above U+10FFFF.
    good_ = byte >= 0xc2 && byte <= 0xf4;
    if (!good_) return false;
    left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    least_ = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    most_ = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
  }
  return true;
}

}  // namespace bottle::websocket
