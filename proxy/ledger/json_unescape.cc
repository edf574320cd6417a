#include "proxy/ledger/json_unescape.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "proxy/base/utf8_out.h"
#include "proxy/contract/hex_digit.h"

namespace bottle {
namespace {

constexpr std::uint32_t kFirstHalf = 0xd800;
constexpr std::uint32_t kSecondHalf = 0xdc00;
constexpr std::uint32_t kBehindHalves = 0xe000;
constexpr std::size_t kDigits = 4;

void append_utf8(std::uint32_t code, Bytes& out) {
  std::array<char, 4> text{};
  out.append(text.data(), write_utf8(code, text.data()));
}

char simple_escape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

}  // namespace

void JsonUnescape::feed(ByteView raw, Bytes& out) {
  while (!raw.empty()) {
    if (!escaped_) {
      const std::size_t plain = std::min(raw.find('\\'), raw.size());
      if (plain > 0) {
        flush_half(out);
        out.append(raw.substr(0, plain));
        raw.remove_prefix(plain);
        continue;
      }
      escaped_ = true;
    } else {
      step(raw.front(), out);
    }
    raw.remove_prefix(1);
  }
}

void JsonUnescape::step(char c, Bytes& out) {
  if (digits_ == 0 && c == 'u') {
    digits_ = 1;
    code_ = 0;
    return;
  }
  if (digits_ == 0) {
    flush_half(out);
    out += simple_escape(c);
    escaped_ = false;
    return;
  }
  const std::uint8_t value = hex_digit(c);
  if (value == kNoDigit) {
    flush_half(out);
    out += c;
    digits_ = 0;
    escaped_ = false;
    return;
  }
  code_ = code_ << 4 | value;
  if (++digits_ <= kDigits) return;
  digits_ = 0;
  escaped_ = false;
  take_code(out);
}

void JsonUnescape::take_code(Bytes& out) {
  const bool second = code_ >= kSecondHalf && code_ < kBehindHalves;
  if (half_ != 0 && second) {
    append_utf8(0x10000 + ((half_ - kFirstHalf) << 10) + (code_ - kSecondHalf), out);
    half_ = 0;
    return;
  }
  flush_half(out);
  if (code_ >= kFirstHalf && code_ < kSecondHalf) {
    half_ = code_;
  } else {
    append_utf8(code_, out);
  }
}

void JsonUnescape::flush_half(Bytes& out) {
  if (half_ == 0) return;
  append_utf8(half_, out);
  half_ = 0;
}

void JsonUnescape::finish(Bytes& out) {
  flush_half(out);
  escaped_ = false;
  digits_ = 0;
}

}  // namespace bottle
