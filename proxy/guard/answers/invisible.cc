#include "proxy/guard/answers/invisible.h"

namespace bottle {
namespace {

constexpr unsigned kTags = 4;       // spells a word
constexpr unsigned kSelectors = 4;  // nothing needs two
constexpr unsigned kWidths = 8;     // in a row
constexpr unsigned kCuts = 6;       // words cut within kNear characters
constexpr unsigned kTurns = 4;
constexpr std::uint64_t kNear = 256;
constexpr char32_t kBlackFlag = 0x1f3f4;

bool is_tag(char32_t c) { return c >= 0xe0000 && c <= 0xe007f; }
bool is_selector(char32_t c) {
  return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef);
}
bool is_zero_width(char32_t c) {
  return (c >= 0x200b && c <= 0x200d) || (c >= 0x2060 && c <= 0x2064) || c == 0xfeff || c == 0xad ||
         c == 0x180e || c == 0x34f || c == 0x115f || c == 0x1160 || c == 0x3164;
}
bool is_turn(char32_t c) { return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069); }
bool is_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

bool Invisible::feed(ByteView in) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto c = static_cast<unsigned char>(in[i]);
    if (c < 0x80) {
      missing_ = 0;
      character(c);
      // Of a row of ASCII only the first and the last one matter.
      std::size_t end = i + 1;
      while (end < in.size() && static_cast<unsigned char>(in[end]) < 0x80) ++end;
      if (end - i > 2) {
        at_ += end - i - 2;
        i = end - 2;
      }
    } else if (c < 0xc0) {
      if (missing_ == 0) continue;
      partial_ = partial_ << 6 | (c & 0x3f);
      if (--missing_ == 0) character(partial_);
    } else {
      missing_ = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
      partial_ = c & (0x3fu >> missing_);
    }
  }
  return found_;
}

void Invisible::character(char32_t c) {
  ++at_;
  if (at_ - counted_from_ > kNear) {
    counted_from_ = at_;
    cuts_ = 0;
    turns_ = 0;
  }
  if (is_tag(c) || is_selector(c) || is_zero_width(c) || is_turn(c)) {
    invisible(c);
    return;
  }
  if (widths_ > 0 && is_letter(last_) && is_letter(c) && ++cuts_ >= kCuts) found_ = true;
  last_ = c;
  run_ = tags_ = selectors_ = widths_ = 0;
  flag_ = c == kBlackFlag;
}

void Invisible::invisible(char32_t c) {
  ++run_;
  if (is_tag(c)) {
    ++tags_;
    if (tags_ >= kTags && (!flag_ || tags_ > 8)) found_ = true;
  } else if (is_selector(c)) {
    if (++selectors_ >= kSelectors) found_ = true;
  } else if (is_turn(c)) {
    const bool overrides = c == 0x202d || c == 0x202e;
    if (last_ < 0x80 && (turns_ += overrides ? 2 : 1) >= kTurns) found_ = true;
  } else {
    ++widths_;
    if (widths_ >= kWidths && c != 0x200d) found_ = true;
  }
}

}  // namespace bottle
