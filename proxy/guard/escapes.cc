#include "proxy/guard/escapes.h"

#include <optional>

namespace bottle {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

// Appends what stands before the first of `special`; returns how much that was.
std::size_t copy_up_to(ByteView special, ByteView in, Bytes& out) {
  const std::size_t at = special.size() == 1 ? in.find(special.front()) : in.find_first_of(special);
  const std::size_t size = at == ByteView::npos ? in.size() : at;
  out.append(in.substr(0, size));
  return size;
}

void append_utf8(std::uint32_t point, Bytes& out) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | (point >> 6));
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3f));
    put(0x80 | ((point >> 6) & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

}  // namespace

bool PercentDecoder::passes(ByteView in) const {
  return held_size_ == 0 && in.find('%') == ByteView::npos &&
         !(plus_is_space_ && in.find('+') != ByteView::npos);
}

void PercentDecoder::decode(ByteView in, Bytes& out) {
  const ByteView special = plus_is_space_ ? ByteView("%+") : ByteView("%");
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (held_size_ == 0) {
      i += copy_up_to(special, in.substr(i), out);
      if (i == in.size()) return;
    }
    const char c = in[i];
    if (held_size_ == 1 && hex_digit(c)) {
      held_[held_size_++] = c;
      continue;
    }
    if (held_size_ == 2) {
      const auto low = hex_digit(c);
      if (low) {
        out.push_back(static_cast<char>(*hex_digit(held_[1]) * 16 + *low));
        held_size_ = 0;
        continue;
      }
    }
    // No escape: what waited is literal, and this byte may begin one.
    flush(out);
    if (c == '%') {
      held_[held_size_++] = c;
    } else {
      out.push_back(plus_is_space_ && c == '+' ? ' ' : c);
    }
  }
}

void PercentDecoder::flush(Bytes& out) {
  out.append(held_, held_size_);
  held_size_ = 0;
}

bool JsonUnescaper::passes(ByteView in) const {
  return held_size_ == 0 && high_surrogate_ == 0 && in.find('\\') == ByteView::npos;
}

void JsonUnescaper::decode(ByteView in, Bytes& out) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (held_size_ == 0 && in[i] != '\\') {
      high_surrogate_ = 0;
      i += copy_up_to("\\", in.substr(i), out);
      if (i == in.size()) return;
    }
    step(in[i], out);
  }
}

void JsonUnescaper::step(char c, Bytes& out) {
  if (held_size_ == 0) {
    if (c == '\\') {
      held_[held_size_++] = c;
      return;
    }
    high_surrogate_ = 0;
    out.push_back(c);
    return;
  }
  if (held_size_ == 1) {
    if (c == 'u') {
      held_[held_size_++] = c;
      return;
    }
    static constexpr ByteView kLetters = "\"\\/bfnrt";
    static constexpr ByteView kMeaning = "\"\\/\b\f\n\r\t";
    const std::size_t at = kLetters.find(c);
    held_size_ = 0;
    high_surrogate_ = 0;
    if (at == ByteView::npos) {
      out.push_back('\\');
      out.push_back(c);
    } else {
      out.push_back(kMeaning[at]);
    }
    return;
  }
  if (!hex_digit(c)) {
    flush(out);
    step(c, out);
    return;
  }
  held_[held_size_++] = c;
  if (held_size_ < 6) return;
  std::uint32_t unit = 0;
  for (std::size_t i = 2; i < 6; ++i) unit = unit * 16 + *hex_digit(held_[i]);
  held_size_ = 0;
  code_unit(unit, out);
}

void JsonUnescaper::code_unit(std::uint32_t unit, Bytes& out) {
  if (unit >= 0xd800 && unit < 0xdc00) {
    high_surrogate_ = unit;
    return;
  }
  if (unit >= 0xdc00 && unit < 0xe000) {
    if (high_surrogate_ != 0) {
      append_utf8(0x10000 + ((high_surrogate_ - 0xd800) << 10) + (unit - 0xdc00), out);
      high_surrogate_ = 0;
    }
    return;  // half a pair has no byte form
  }
  high_surrogate_ = 0;
  append_utf8(unit, out);
}

void JsonUnescaper::flush(Bytes& out) {
  out.append(held_, held_size_);
  held_size_ = 0;
}

}  // namespace bottle
