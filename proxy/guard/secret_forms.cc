#include "proxy/guard/secret_forms.h"

#include <algorithm>
#include <bitset>
#include <string>
#include <utility>

#include "proxy/guard/encodings.h"
#include "proxy/guard/views/escape_view.h"
#include "proxy/guard/views/squeeze.h"
#include "proxy/http/fields.h"

namespace bottle {
namespace {

constexpr std::size_t kWholeBelow = 32;
constexpr std::size_t kQuartersFrom = 256;
constexpr std::size_t kPiece = kWholeByHalves / 2;
constexpr std::size_t kShortestPiece = 16;
constexpr std::size_t kTellingBytes = 8;  // different bytes that a piece must have
constexpr std::size_t kWordBelow = 16;
// A shorter literal takes a table of its own, which each text would be looked up in.
constexpr std::size_t kLongForm = 15;
// Of a key in PEM: the bytes behind the header that say of what kind it is.
constexpr std::size_t kPemPreamble = 72;

std::size_t different_bytes(ByteView text) {
  std::bitset<256> seen;
  for (const char c : text) seen.set(static_cast<unsigned char>(c));
  return seen.count();
}

// The bytes at the value's start that others of its kind have too.
std::size_t shared_prefix(ByteView value) {
  if (value.starts_with("-----BEGIN ")) {
    const std::size_t line = value.find_first_of("\n\\", 11);
    return line == ByteView::npos ? 0 : std::min(line + 1 + kPemPreamble, value.size());
  }
  if (value.starts_with("eyJ")) {
    const std::size_t dot = value.find('.');
    return dot == ByteView::npos ? 0 : dot + 1;
  }
  const std::size_t scheme = value.substr(0, 24).find("://");
  return scheme == ByteView::npos ? 0 : scheme + 3;
}

// The best piece of a text: near its middle, and of many different bytes.
ByteView piece_of(ByteView part) {
  const std::size_t size = std::min(part.size(), kPiece);
  if (size < kShortestPiece) return {};
  ByteView best;
  std::size_t best_count = 0;
  const std::size_t room = part.size() - size;
  constexpr std::size_t kPlaces[] = {4, 3, 5, 2, 6, 1, 7, 0, 8};  // eighths of the room
  for (const std::size_t place : kPlaces) {
    const ByteView piece = part.substr(room * place / 8, size);
    const std::size_t count = std::min<std::size_t>(different_bytes(piece), 16);
    if (count <= best_count) continue;
    best = piece;
    best_count = count;
  }
  return best_count >= kTellingBytes ? best : ByteView{};
}

// The same of a part of the value. Of several lines, in one line: they may come numbered, quoted,
// each reversed, or in another order.
ByteView best_piece(ByteView part) {
  ByteView best;
  std::size_t best_distance = part.size();
  for (std::size_t begin = 0; begin < part.size() && part.find('\n') != ByteView::npos;) {
    const std::size_t end = std::min(part.find('\n', begin), part.size());
    const ByteView piece = piece_of(part.substr(begin, end - begin));
    const std::size_t middle = begin + (end - begin) / 2;
    const std::size_t distance =
        std::max(middle, part.size() / 2) - std::min(middle, part.size() / 2);
    if (!piece.empty() && (best.empty() || distance < best_distance)) {
      best = piece;
      best_distance = distance;
    }
    begin = end + 1;
  }
  return best.empty() ? piece_of(part) : best;
}

Bytes reversed(ByteView text) { return Bytes(text.rbegin(), text.rend()); }

Bytes upper(ByteView text) {
  Bytes out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

Bytes swapped_case(ByteView text) {
  Bytes out(text);
  for (char& c : out) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) c = static_cast<char>(c ^ 0x20);
  }
  return out;
}

Bytes rot13(ByteView text) {
  Bytes out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>('a' + (c - 'a' + 13) % 26);
    if (c >= 'A' && c <= 'Z') c = static_cast<char>('A' + (c - 'A' + 13) % 26);
  }
  return out;
}

// The numbers of the bytes, one behind the other, each behind `prefix`: separators were left out.
Bytes numbers(ByteView text, unsigned base, std::size_t width, ByteView prefix = {}) {
  Bytes out;
  for (const char c : text) {
    Bytes number;
    for (unsigned byte = static_cast<unsigned char>(c); byte > 0 || number.empty(); byte /= base) {
      number.insert(number.begin(), static_cast<char>('0' + byte % base));
    }
    if (number.size() < width) number.insert(0, width - number.size(), '0');
    out.append(prefix).append(number);
  }
  return out;
}

Bytes squeezed(ByteView text) {
  Bytes out;
  squeeze(text, out);
  return out;
}

// Too long ones by their beginning.
void add(Bytes form, std::size_t owner, std::vector<Literal>& out, bool whole_word = false) {
  if (form.size() > LiteralSet::kLongest) form.resize(LiteralSet::kLongest);
  out.push_back(Literal{.text = std::move(form), .owner = owner, .whole_word = whole_word});
}

void add_squeezed(ByteView form, std::size_t owner, std::vector<Literal>& out) {
  Bytes text = squeezed(form);
  if (text.size() >= kShortestSqueezed) add(std::move(text), owner, out);
}

// The value as it is, and as a text that reads '+' as a space, or undoes an escape that is none,
// makes it.
std::vector<Bytes> spellings(ByteView piece) {
  std::vector<Bytes> out{Bytes(piece)};
  const auto spaces = static_cast<std::size_t>(std::count(piece.begin(), piece.end(), ' '));
  const std::size_t variants = spaces <= 3 ? std::size_t{1} << spaces : 2;
  for (std::size_t variant = 1; variant < variants; ++variant) {
    Bytes text(piece);
    std::size_t number = 0;
    for (char& c : text) {
      if (c != ' ') continue;
      if (spaces > 3 || ((variant >> number) & 1u) != 0) c = '+';
      ++number;
    }
    out.push_back(std::move(text));
  }
  EscapeView view;
  if (!view.passes(piece)) {
    Bytes text;
    view.decode(piece, text);
    view.flush(text);
    out.push_back(std::move(text));
  }
  return out;
}

}  // namespace

std::vector<ByteView> telling_pieces(ByteView value) {
  if (value.size() < kWholeBelow) return {value};
  const std::size_t shared = shared_prefix(value);
  const std::size_t parts = value.size() >= kQuartersFrom ? 4 : 2;
  std::vector<ByteView> out;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t begin = std::max(value.size() * i / parts, shared);
    const std::size_t end = value.size() * (i + 1) / parts;
    if (begin >= end) continue;
    const ByteView piece = best_piece(value.substr(begin, end - begin));
    if (!piece.empty()) out.push_back(piece);
  }
  // Nothing tells: the value is looked for as it begins.
  if (out.empty()) out.push_back(value.substr(0, kPiece));
  return out;
}

void add_plain_forms(ByteView value, std::size_t owner, std::vector<Literal>& out) {
  const bool whole_word = value.size() < kWordBelow;
  for (const ByteView piece : telling_pieces(value)) {
    for (Bytes& text : spellings(piece)) add(std::move(text), owner, out, whole_word);
    add(reversed(piece), owner, out, whole_word);
    for (std::size_t alignment = 0; alignment < 3; ++alignment) {
      Bytes form = base64_core(piece, alignment);
      add(base64_url_safe(form), owner, out);
      add(std::move(form), owner, out);
      for (const char zero : {' ', '`'}) {
        add(uuencode_core(piece, alignment, zero), owner, out);
      }
    }
    add(upper(hex_lower(piece)), owner, out);
    add(hex_lower(piece), owner, out);
  }
}

void add_squeezed_forms(ByteView value, std::size_t owner, std::vector<Literal>& out) {
  for (const ByteView piece : telling_pieces(value)) {
    for (const Bytes& text :
         {Bytes(piece), to_lower(piece), upper(piece), swapped_case(piece), reversed(piece),
          rot13(piece), hex_lower(piece), upper(hex_lower(piece))}) {
      add_squeezed(text, owner, out);
    }
    for (std::size_t alignment = 0; alignment < 3; ++alignment) {
      const Bytes form = base64_core(piece, alignment);
      add_squeezed(form, owner, out);
      add_squeezed(reversed(form), owner, out);
    }
    for (std::size_t alignment = 0; alignment < 5; ++alignment) {
      const Bytes form = base32_core(piece, alignment);
      add_squeezed(form, owner, out);
      add_squeezed(to_lower(form), owner, out);
      add_squeezed(base32hex_core(piece, alignment), owner, out);
    }
    for (std::size_t alignment = 0; alignment < 4; ++alignment) {
      for (const Bytes& form : {z85_core(piece, alignment), ascii85_core(piece, alignment)}) {
        Bytes text = squeezed(form);
        if (text.size() >= kLongForm) add(std::move(text), owner, out);
      }
    }
  }
}

void add_number_forms(ByteView value, std::size_t owner, std::vector<Literal>& out) {
  struct Words {
    std::size_t size;
    unsigned base;
    std::size_t width;
  };
  // As od and hexdump write them: decimal, and octal with all its zeros.
  static constexpr Words kWords[] = {{2, 10, 0}, {2, 10, 5}, {4, 10, 0}, {8, 10, 0},
                                     {2, 8, 6},  {4, 8, 11}, {8, 8, 22}};
  for (const ByteView piece : telling_pieces(value)) {
    for (const Bytes& text :
         {numbers(piece, 10, 0), numbers(piece, 10, 3), numbers(piece, 8, 0), numbers(piece, 8, 3),
          numbers(piece, 8, 0, "0o"), numbers(piece, 2, 0, "0b"), binary_digits(piece, true),
          binary_digits(piece, false)}) {
      add_squeezed(text, owner, out);
    }
    for (const Words& words : kWords) {
      for (std::size_t alignment = 0; alignment < words.size; ++alignment) {
        add_squeezed(words_core(piece, alignment, words.size, words.base, words.width), owner, out);
      }
    }
  }
}

void add_name_forms(ByteView value, std::size_t owner, std::vector<Literal>& out) {
  for (const ByteView piece : telling_pieces(value)) {
    for (const Bytes& text : {Bytes(piece), reversed(piece), rot13(piece), hex_lower(piece)}) {
      add_squeezed(to_lower(text), owner, out);
    }
    for (std::size_t alignment = 0; alignment < 3; ++alignment) {
      add_squeezed(to_lower(base64_core(piece, alignment)), owner, out);
    }
    for (std::size_t alignment = 0; alignment < 5; ++alignment) {
      add_squeezed(to_lower(base32_core(piece, alignment)), owner, out);
    }
  }
}

}  // namespace bottle
