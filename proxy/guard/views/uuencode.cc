#include "proxy/guard/views/uuencode.h"

#include <algorithm>

#include "proxy/guard/views/base64_units.h"

namespace bottle {
namespace {

constexpr std::size_t kMode = 4;          // " 644" stands behind "begin"
constexpr std::size_t kMostHeader = 256;  // with the name

}  // namespace

void Uuencode::begin(std::uint64_t at) {
  place_ = Place::Header;
  begin_ = at;
  header_size_ = 0;
}

void Uuencode::read(ByteView in, std::uint64_t at) {
  out_.clear();
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (step(in[i])) continue;
    child_.give(out_, begin_, at + i);
    return finish(at + i);
  }
  child_.give(out_, begin_, at + in.size());
}

bool Uuencode::header(char c) {
  if (c == '\n' && header_size_ > kMode) {
    place_ = Place::Length;
    return true;
  }
  const std::size_t at = header_size_++;
  if (at == 0) return c == ' ';
  if (at < kMode) return c >= '0' && c <= '7';
  return at < kMostHeader && (at > kMode || c == ' ');
}

// False: that is no uuencode.
bool Uuencode::step(char c) {
  if (place_ == Place::Header) return header(c);
  if (place_ == Place::LineEnd) {
    if (c == '\n') place_ = Place::Length;
    return c == '\n' || c == '\r' || c == ' ';
  }
  if (c < ' ' || c > '`') return false;
  const auto value = static_cast<std::uint8_t>((c - ' ') & 0x3f);
  if (place_ == Place::Length) {
    left_ = value;
    quad_size_ = 0;
    place_ = Place::Line;
    return left_ > 0;
  }
  quad_[quad_size_++] = value;
  if (quad_size_ < quad_.size()) return true;
  quad_size_ = 0;
  std::array<char, 3> bytes;
  decode_quad(quad_.data(), bytes.data());
  const std::size_t size = std::min(left_, bytes.size());
  out_.append(bytes.data(), size);
  left_ -= size;
  if (left_ == 0) place_ = Place::LineEnd;
  return true;
}

void Uuencode::finish(std::uint64_t end) {
  child_.close(end);
  place_ = Place::Outside;
}

}  // namespace bottle
