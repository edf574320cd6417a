#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "proxy/guard/finding.h"

namespace bottle {

// A host, or with a leading "*." every name below it, to which a kind of credential inherently
// belongs, and the parts where that service takes it. "*" alone is every host.
struct TokenHome {
  std::string_view host;
  bool header = true;
  bool url = false;
  bool body = false;
};

// Decides whether `text` is a real token: the bytes from a possible start on, over the token's
// alphabet as far as they are there. It reads the token's own length alone, so that nothing that
// is put behind a real token makes it pass for an example.
using ShapeCheck = bool (*)(std::string_view text) noexcept;

// The bytes that can go on a token, for its end and for a start that no literal marks.
enum class TokenAlphabet : std::uint8_t {
  Word,    // letters, digits, "_-"
  Dotted,  // Word and "."
  Base64,  // Word and "+/="
  Url,     // all that a URL may have, and what passwords in URLs have against the rules
  Spaced,  // letters, digits, space and "-": card and account numbers, phrases
  Pem,     // base64 in lines, to the line that ends the key
};

// A kind of credential that can be told by its form alone. `pattern` is a regular expression of
// the vectorscan dialect, case-sensitive, that matches as soon as the shortest real token is there
// (what follows does not matter: a longer one has been seen too). It begins with a left
// boundary, so that random base64 does not hit.
struct TokenShape {
  std::string_view name;  // for people and the audit log: "GitHub token"
  std::string_view pattern;
  std::span<const TokenHome> homes;
  Severity severity = Severity::Refuse;
  ShapeCheck check = nullptr;  // nullptr: whatever matches is one
  // The literals that a match can begin with, "|" between them. Empty: a match can begin wherever
  // a run of the alphabet has a left boundary.
  std::string_view heads = {};
  TokenAlphabet alphabet = TokenAlphabet::Word;
  // The head is the name of a setting or a line's first word, in any case, and the value stands
  // behind it. Without it the match is one run of the alphabet.
  bool named = false;
};

// The most shapes there can be, all sets together.
inline constexpr std::size_t kMaxShapes = 192;
// find_token() sees the starts of all but the longest tokens when so many bytes before the match's
// end are kept.
inline constexpr std::size_t kTokenTail = 2048;

[[nodiscard]] std::span<const TokenShape> token_shapes() noexcept;
// Numbers and phrases that mean money: off unless asked for.
[[nodiscard]] std::span<const TokenShape> financial_shapes() noexcept;

// The bytes of a token in a window.
struct TokenSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Looks at a match of the shape's pattern that ends before `match_end` of `window`, a piece of the
// text around it (at best kTokenTail bytes before the end and 512 behind). Gives the bytes of the
// real token, or nothing if it is none. If no start is in the window, everything to the window's
// first byte is the token: a check that cannot look does not let pass.
[[nodiscard]] std::optional<TokenSpan> find_token(const TokenShape& shape, std::string_view window,
                                                  std::size_t match_end) noexcept;

// True for values that their makers publish to show the form: repeated characters, alphabets in
// order, placeholders ("your-token", "<token>", "${TOKEN}"), and the well-known pairs of the
// vendors' documentation. `text` is a token of its own length, nothing behind it.
[[nodiscard]] bool is_documented_example(std::string_view text) noexcept;

// True if `host` (canonical: lower case, no dot at the end) is `pattern`, or lies below the name
// after "*." of a pattern that starts with it. The apex is not below itself. "*" is every host.
[[nodiscard]] bool host_matches(std::string_view pattern, std::string_view host) noexcept;

}  // namespace bottle
