#include "proxy/credentials/spellings.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bottle {
namespace {

enum class Escape : std::uint8_t { Percent, Unicode };

// One encoder's way.
struct Style {
  Escape escape;
  bool upper;              // the hexadecimal digits
  bool slash;              // a slash has a backslash before it
  bool all_but;            // `chars` are those that are not escaped
  std::string_view chars;  // of those that are not unreserved
};

constexpr Style kAllInUrl{Escape::Percent, true, false, true, ""};
constexpr Style kStyles[] = {
    kAllInUrl,
    {Escape::Percent, false, false, true, ""},
    // Of Python's quote() and of paths in Go.
    {Escape::Percent, true, false, true, "/"},
    {Escape::Percent, false, false, true, "/"},
    {Escape::Percent, true, false, true, "+=&$:@"},
    {Escape::Percent, false, false, true, "+=&$:@"},
    // JSON: as it is, of PHP and Java, and with the escapes of those that write for HTML.
    {Escape::Unicode, true, false, false, ""},
    {Escape::Unicode, true, true, false, ""},
    {Escape::Unicode, true, false, true, ""},
    {Escape::Unicode, false, false, true, ""},
    {Escape::Unicode, true, false, false, "/"},
    {Escape::Unicode, false, false, false, "/"},
    {Escape::Unicode, true, false, false, "+&'<>\"`"},
    {Escape::Unicode, false, false, false, "+&'<>\"`"},
    {Escape::Unicode, true, true, false, "+&'<>\"`"},
    {Escape::Unicode, false, true, false, "+&'<>\"`"},
    {Escape::Unicode, true, false, false, "&<>"},
    {Escape::Unicode, false, false, false, "&<>"},
    {Escape::Unicode, true, false, false, "&<>'="},
    {Escape::Unicode, false, false, false, "&<>'="},
};

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

Bytes spelled(ByteView text, const Style& style) {
  const std::string_view hex = style.upper ? "0123456789ABCDEF" : "0123456789abcdef";
  Bytes out;
  // It does not grow later, as that would leave copies in memory.
  out.reserve(6 * text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool named = style.chars.find(c) != std::string_view::npos;
    if (!is_unreserved(c) && named != style.all_but) {
      out += style.escape == Escape::Percent ? "%" : "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
      continue;
    }
    const bool quoted = c == '"' || c == '\\' || (c == '/' && style.slash);
    if (quoted && style.escape == Escape::Unicode) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Bytes escaped_in_url(ByteView text) { return spelled(text, kAllInUrl); }

std::vector<Spelling> spellings_of(ByteView text, ByteView shown) {
  std::vector<Spelling> all;
  for (const Style& style : kStyles) {
    Bytes secret = spelled(text, style);
    const bool known = secret == text || std::any_of(all.begin(), all.end(), [&](const auto& one) {
                         return one.text == secret;
                       });
    if (known) {
      wipe(secret);
      continue;
    }
    Bytes other = spelled(shown, style);
    if (other.size() != secret.size()) {
      other = shown;
      other.resize(secret.size(), 'x');
    }
    all.push_back({.text = std::move(secret), .shown = std::move(other)});
  }
  return all;
}

void wipe(Bytes& secret) { ::explicit_bzero(secret.data(), secret.size()); }

}  // namespace bottle
