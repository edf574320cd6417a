#include "proxy/guard/json_leaves.h"

#include <algorithm>
#include <bit>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "proxy/base/utf8.h"
#include "proxy/guard/shapes/token_text.h"

namespace bottle {
namespace {

#if defined(__SSE2__)
// The same of whole blocks of 16 bytes.
std::size_t plain_blocks(ByteView text) {
  std::size_t at = 0;
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    // Signed: bytes from 0x80 on are below the space, too.
    const __m128i special = _mm_or_si128(_mm_cmplt_epi8(block, _mm_set1_epi8(0x20)),
                                         _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                                      _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
  }
  return at;
}
#else
std::size_t plain_blocks(ByteView) { return 0; }
#endif

// Bytes at the front that stand in a string for themselves, one each.
std::size_t plain_size(ByteView text) {
  const std::size_t blocks = plain_blocks(text);
  text.remove_prefix(blocks);
  const auto special = std::find_if(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x80 ||
           c == '"' || c == '\\';
  });
  return blocks + static_cast<std::size_t>(special - text.begin());
}

std::size_t digits(ByteView text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  return static_cast<std::size_t>(end - text.begin());
}

// Length of the number at the front (RFC 8259 section 6); 0 if there is none.
std::size_t number_size(ByteView text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t whole = digits(text.substr(at));
  if (whole == 0 || (whole > 1 && text[at] == '0')) return 0;
  at += whole;
  if (text.substr(at).starts_with('.')) {
    const std::size_t fraction = digits(text.substr(at + 1));
    if (fraction == 0) return 0;
    at += 1 + fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = digits(text.substr(at));
    if (exponent == 0) return 0;
    at += exponent;
  }
  return at;
}

}  // namespace

std::optional<JsonLeaves::Leaf> JsonLeaves::next_before(std::size_t offset) {
  last_.reset();
  while (!last_) {
    skip_space();
    if (at_ >= offset || at_ == text_.size() || expect_ == Expect::Broken) return std::nullopt;
    token();
  }
  return last_;
}

std::optional<JsonLeaves::Leaf> JsonLeaves::last_before(std::size_t offset) {
  for (;;) {
    skip_space();
    if (at_ >= std::min(offset, text_.size()) || expect_ == Expect::Broken) return last_;
    token();
  }
}

bool JsonLeaves::valid() {
  (void)last_before(text_.size());
  return expect_ == Expect::Nothing && at_ == text_.size();
}

std::string JsonLeaves::path_of(const Leaf& leaf) {
  if (leaf.begin > path_at_) {
    path_.feed(text_.substr(path_at_, leaf.begin - path_at_));
    path_at_ = leaf.begin;
  }
  return path_.path();
}

void JsonLeaves::skip_space() {
  const std::size_t found = text_.find_first_not_of(" \t\r\n", at_);
  at_ = found == ByteView::npos ? text_.size() : found;
}

// With a byte that is no space.
void JsonLeaves::token() {
  const char c = text_[at_];
  if (c == '"') {
    string();
  } else if (c == '-' || is_digit(c)) {
    number();
  } else if (c == 't' || c == 'f' || c == 'n') {
    word();
  } else {
    punctuation(c);
  }
}

void JsonLeaves::punctuation(char c) {
  ++at_;
  switch (c) {
    case '[':
    case '{':
      open(c == '[');
      return;
    case ']':
    case '}':
      close(c == ']');
      return;
    case ':':
      expect_ = expect_ == Expect::Colon ? Expect::Value : Expect::Broken;
      return;
    case ',':
      if (expect_ != Expect::CommaOrEnd) return broken();
      expect_ = arrays_[depth_ - 1] ? Expect::Value : Expect::Key;
      return;
    default:
      broken();
  }
}

void JsonLeaves::open(bool array) {
  if (!wants_value() || depth_ == kMaxNesting) return broken();
  arrays_[depth_++] = array;
  expect_ = array ? Expect::ValueOrEnd : Expect::KeyOrEnd;
}

void JsonLeaves::close(bool array) {
  const bool may_end =
      expect_ == Expect::CommaOrEnd || expect_ == (array ? Expect::ValueOrEnd : Expect::KeyOrEnd);
  if (!may_end || arrays_[depth_ - 1] != array) return broken();
  --depth_;
  value_ended();
}

void JsonLeaves::string() {
  const bool key = wants_key();
  if (!key && !wants_value()) return broken();
  std::size_t at = at_ + 1;
  const std::size_t begin = at;
  for (;;) {
    at += plain_size(text_.substr(at));
    if (at == text_.size()) return broken();
    if (text_[at] == '"') break;
    const std::size_t size = text_[at] == '\\' ? escape_size(at)
                             : static_cast<unsigned char>(text_[at]) >= 0x80
                                 ? utf8_size(text_.substr(at))
                                 : 0;
    if (size == 0) return broken();
    at += size;
  }
  last_ = Leaf{.begin = begin, .end = at, .is_key = key};
  at_ = at + 1;
  if (key) {
    expect_ = Expect::Colon;
  } else {
    value_ended();
  }
}

// 0: there is none.
std::size_t JsonLeaves::escape_size(std::size_t at) const {
  const ByteView text = text_.substr(at, 6);
  if (text.size() < 2) return 0;
  if (std::string_view("\"\\/bfnrt").find(text[1]) != std::string_view::npos) return 2;
  const bool code =
      text.size() == 6 && text[1] == 'u' && std::all_of(text.begin() + 2, text.end(), is_hex);
  return code ? 6 : 0;
}

void JsonLeaves::number() {
  const std::size_t size = wants_value() ? number_size(text_.substr(at_)) : 0;
  if (size == 0) return broken();
  at_ += size;
  value_ended();
}

void JsonLeaves::word() {
  for (const std::string_view name : {"true", "false", "null"}) {
    if (!wants_value() || !text_.substr(at_).starts_with(name)) continue;
    at_ += name.size();
    return value_ended();
  }
  broken();
}

}  // namespace bottle
