#include "proxy/guard/leaf_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "proxy/contract/hex_digit.h"

namespace bottle {
namespace {

// The number that `count` hexadecimal digits at `at` are.
std::optional<unsigned> hex_number(ByteView text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  unsigned number = 0;
  for (const char c : text.substr(at, count)) {
    const std::uint8_t digit = hex_digit(c);
    if (digit == kNoDigit) return std::nullopt;
    number = number * 16 + digit;
  }
  return number;
}

// The smallest piece that can go without another one: so many bytes of the leaf, and their text.
struct Unit {
  std::size_t raw = 1;
  std::array<char, 4> bytes{};
  std::size_t size = 1;

  [[nodiscard]] ByteView text() const { return ByteView(bytes.data(), size); }
};

Unit unit_of(std::size_t raw, char byte) {
  Unit unit;
  unit.raw = raw;
  unit.bytes[0] = byte;
  return unit;
}

// `code` is a scalar value of Unicode.
Unit unit_of_code(std::size_t raw, unsigned code) {
  Unit unit;
  unit.raw = raw;
  const auto tail = [code](unsigned shift) {
    return static_cast<char>(0x80u | ((code >> shift) & 0x3fu));
  };
  if (code < 0x80) {
    unit.bytes[0] = static_cast<char>(code);
  } else if (code < 0x800) {
    unit.bytes = {static_cast<char>(0xc0u | (code >> 6)), tail(0)};
    unit.size = 2;
  } else if (code < 0x10000) {
    unit.bytes = {static_cast<char>(0xe0u | (code >> 12)), tail(6), tail(0)};
    unit.size = 3;
  } else {
    unit.bytes = {static_cast<char>(0xf0u | (code >> 18)), tail(12), tail(6), tail(0)};
    unit.size = 4;
  }
  return unit;
}

bool is_high(unsigned code) { return code >= 0xd800 && code < 0xdc00; }
bool is_low(unsigned code) { return code >= 0xdc00 && code < 0xe000; }

Unit json_unit(ByteView text) {
  if (text[0] != '\\' || text.size() < 2) return unit_of(1, text[0]);
  switch (text[1]) {
    case 'b':
      return unit_of(2, '\b');
    case 'f':
      return unit_of(2, '\f');
    case 'n':
      return unit_of(2, '\n');
    case 'r':
      return unit_of(2, '\r');
    case 't':
      return unit_of(2, '\t');
    case 'u':
      break;
    default:
      return unit_of(2, text[1]);
  }
  const auto code = hex_number(text, 2, 4);
  if (!code) return unit_of(1, text[0]);
  if (!is_high(*code)) return unit_of_code(6, is_low(*code) ? 0xfffd : *code);
  const auto low = text.substr(6, 2) == "\\u" ? hex_number(text, 8, 4) : std::nullopt;
  if (!low || !is_low(*low)) return unit_of_code(6, 0xfffd);
  return unit_of_code(12, 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00));
}

Unit form_unit(ByteView text) {
  if (text[0] == '+') return unit_of(1, ' ');
  const auto code = text[0] == '%' ? hex_number(text, 1, 2) : std::nullopt;
  return code ? unit_of(3, static_cast<char>(*code)) : unit_of(1, text[0]);
}

Unit first_unit(LeafCoding coding, ByteView text) {
  switch (coding) {
    case LeafCoding::Json:
      return json_unit(text);
    case LeafCoding::Form:
      return form_unit(text);
    case LeafCoding::Plain:
      break;
  }
  return unit_of(1, text[0]);
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// To the borders of characters, at most three bytes each: what is no UTF-8 has none.
TextSpan whole_characters(ByteView text, TextSpan span) {
  for (int i = 0; i < 3 && span.begin > 0 && continues(text[span.begin]); ++i) --span.begin;
  for (int i = 0; i < 3 && span.end < text.size() && continues(text[span.end]); ++i) ++span.end;
  return span;
}

bool stays_in_form(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '*';
}

// Only printable ASCII without quotes and backslashes is written into leaves.
void append_encoded(LeafCoding coding, std::string_view text, Bytes& out) {
  if (coding != LeafCoding::Form) {
    out += text;
    return;
  }
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') {
      out += '+';
    } else if (stays_in_form(c)) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xf];
    }
  }
}

}  // namespace

Bytes decode_leaf(LeafCoding coding, ByteView leaf) {
  if (coding == LeafCoding::Plain) return Bytes(leaf);
  const std::string_view marks = coding == LeafCoding::Json ? "\\" : "%+";
  Bytes out;
  out.reserve(leaf.size());
  while (!leaf.empty()) {
    const std::size_t plain = std::min(leaf.find_first_of(marks), leaf.size());
    out += leaf.substr(0, plain);
    leaf.remove_prefix(plain);
    if (leaf.empty()) break;
    const Unit unit = first_unit(coding, leaf);
    out += unit.text();
    leaf.remove_prefix(unit.raw);
  }
  return out;
}

Bytes edit_leaf(LeafCoding coding, ByteView leaf, std::vector<LeafEdit>& edits) {
  const Bytes text = decode_leaf(coding, leaf);
  Bytes out;
  out.reserve(leaf.size());
  std::size_t raw = 0;
  std::size_t at = 0;  // of the decoded text
  for (LeafEdit& edit : edits) {
    const TextSpan span = whole_characters(text, edit.span);
    const std::size_t kept = raw;
    Unit unit;
    while (raw < leaf.size()) {
      unit = first_unit(coding, leaf.substr(raw));
      if (at + unit.size > span.begin) break;
      at += unit.size;
      raw += unit.raw;
    }
    out += leaf.substr(kept, raw - kept);
    edit.raw.begin = raw;
    while (raw < leaf.size() && at < span.end) {
      unit = first_unit(coding, leaf.substr(raw));
      at += unit.size;
      raw += unit.raw;
    }
    edit.raw.end = raw;
    append_encoded(coding, edit.text, out);
  }
  out += leaf.substr(raw);
  return out;
}

}  // namespace bottle
