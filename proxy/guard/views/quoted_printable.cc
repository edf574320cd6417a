#include "proxy/guard/views/quoted_printable.h"

#include <algorithm>

#include "proxy/contract/hex_digit.h"

namespace bottle {
namespace {

// Of the characters that tokens and base64 have and that an encoder may escape.
constexpr ByteView kBeginnings[] = {"=\n", "=\r\n", "=5F", "=5f", "=2D", "=2d", "=2E",
                                    "=2e", "=3D",   "=3d", "=2B", "=2b", "=2F", "=2f"};
constexpr ByteView kSecond = "\n\r523";

}  // namespace

bool QuotedPrintable::may_begin(ByteView text) noexcept {
  if (text.size() < 2) return true;
  // Most of what stands behind a "=" is told by its first byte.
  if (kSecond.find(text[1]) == ByteView::npos) return false;
  return std::ranges::any_of(kBeginnings, [text](ByteView beginning) {
    return text.starts_with(beginning) || beginning.starts_with(text);
  });
}

void QuotedPrintable::begin(ByteView before, std::uint64_t at) {
  reading_ = true;
  sure_ = false;
  begin_ = at - before.size();
  plain_ = 0;
  held_size_ = 0;
  before_.assign(before);
  lead_ = before.size();
}

void QuotedPrintable::read(ByteView in, std::uint64_t at) {
  for (std::size_t i = 0; i < in.size() && !sure_; ++i) {
    // The first escape, byte by byte: it need not be one.
    before_.push_back(in[i]);
    const ByteView escape = ByteView(before_).substr(lead_);
    if (!may_begin(escape)) {
      reading_ = false;
      read_to_ = at + i;
      return;
    }
    sure_ = std::ranges::find(kBeginnings, escape) != std::end(kBeginnings);
    if (!sure_) continue;
    decode(before_, at + i + 1);
    in.remove_prefix(i + 1);
    at += i + 1;
    break;
  }
  if (sure_) decode(in, at + in.size());
}

void QuotedPrintable::decode(ByteView in, std::uint64_t end) {
  out_.clear();
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (held_size_ == 0 && in[i] != '=') {
      if (plain_ == kBehind) {
        child_.give(out_, begin_, end - in.size() + i);
        return finish(end - in.size() + i);
      }
      const ByteView rest = in.substr(i, kBehind - plain_);
      const ByteView plain = rest.substr(0, rest.find('='));
      out_ += plain;
      plain_ += plain.size();
      i += plain.size() - 1;
      continue;
    }
    held_[held_size_++] = in[i];
    if (decode_held(out_)) continue;
    // No escape: a "=" may begin one again.
    for (std::size_t j = 0; j + 1 < held_size_; ++j) out_.push_back(held_[j]);
    plain_ = std::min(plain_ + held_size_ - 1, kBehind);
    held_size_ = 0;
    --i;
  }
  child_.give(out_, begin_, end);
}

// False: the held bytes are no escape and cannot become one. The last of them may begin another.
bool QuotedPrintable::decode_held(Bytes& out) {
  const ByteView held(held_.data(), held_size_);
  if (held.size() == 1 || held == "=\r") return true;
  const bool soft_break = held == "=\n" || held == "=\r\n";
  if (held.size() == 2 && !soft_break) return hex_digit(held[1]) != kNoDigit;
  if (!soft_break) {
    if (held[1] == '\r' || hex_digit(held[2]) == kNoDigit) return false;
    out.push_back(static_cast<char>(hex_digit(held[1]) << 4 | hex_digit(held[2])));
  }
  plain_ = 0;
  held_size_ = 0;
  return true;
}

void QuotedPrintable::finish(std::uint64_t end) {
  if (sure_) child_.give(ByteView(held_.data(), held_size_), begin_, end);
  child_.close(end);
  reading_ = sure_ = false;
  held_size_ = 0;
  read_to_ = end;
}

}  // namespace bottle
