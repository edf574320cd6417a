#include <algorithm>

#include "proxy/guard/shapes/token_shapes.h"
#include "proxy/guard/shapes/token_text.h"

namespace bottle {
namespace {

// A token is read so far behind its match's end. Only a private key is longer.
constexpr std::size_t kMostBehind = 4096;
// Where no literal marks the start, it is at most so far before the match's end.
constexpr std::size_t kMostBefore = 256;

bool goes_on(TokenAlphabet alphabet, char c) noexcept {
  switch (alphabet) {
    case TokenAlphabet::Word:
      return is_word(c);
    case TokenAlphabet::Dotted:
      return is_word(c) || c == '.' || c == '~' || c == ':';
    case TokenAlphabet::Base64:
      return is_word(c) || c == '+' || c == '/' || c == '=';
    case TokenAlphabet::Url:
      return c > ' ' && c != '"' && c != '\'' && c != '`' && c != '<' && c != '>' && c != '\\';
    case TokenAlphabet::Spaced:
      return is_alnum(c) || c == ' ' || c == '-';
    case TokenAlphabet::Pem:
      return c != '-';
  }
  return false;
}

// A pattern goes over more than what ends a token in a text around it: passwords have all kinds of
// bytes.
bool may_precede(TokenAlphabet alphabet, char c) noexcept {
  constexpr std::string_view kNever = " \t\n\v\f\r\"'<>";
  return alphabet == TokenAlphabet::Url ? kNever.find(c) == std::string_view::npos
                                        : goes_on(alphabet, c);
}

std::size_t end_of(const TokenShape& shape, std::string_view window, std::size_t end) noexcept {
  const std::size_t most = std::min(window.size(), end + kMostBehind);
  while (end < most && goes_on(shape.alphabet, window[end])) ++end;
  if (shape.alphabet != TokenAlphabet::Pem) return end;
  // The line that ends the key belongs to it.
  const std::string_view rest = window.substr(end);
  if (!rest.starts_with("-----END ")) return end;
  const std::size_t close = rest.find("-----", 9);
  return close == std::string_view::npos ? window.size() : end + close + 5;
}

bool head_at(const TokenShape& shape, std::string_view text) noexcept {
  std::string_view heads = shape.heads;
  while (!heads.empty()) {
    const std::string_view head = heads.substr(0, heads.find('|'));
    const auto same = [&shape](char a, char b) {
      return a == b || (shape.named && lower(a) == lower(b));
    };
    if (text.size() >= head.size() && std::equal(head.begin(), head.end(), text.begin(), same)) {
      return true;
    }
    heads.remove_prefix(std::min(heads.size(), head.size() + 1));
  }
  return false;
}

bool passes(const TokenShape& shape, std::string_view text) noexcept {
  return shape.check == nullptr || shape.check(text);
}

}  // namespace

std::optional<TokenSpan> find_token(const TokenShape& shape, std::string_view window,
                                    std::size_t match_end) noexcept {
  match_end = std::min(match_end, window.size());
  const std::size_t end = end_of(shape, window, match_end);
  bool looked = false;
  // The last start first: what stands before may be another token.
  for (std::size_t begin = match_end; begin-- > 0;) {
    if (shape.heads.empty() && match_end - begin > kMostBefore) break;
    // A pattern can end with the byte behind the token.
    const bool last = begin + 1 == match_end;
    if (!shape.named && !last && !may_precede(shape.alphabet, window[begin])) break;
    const bool may_start = shape.heads.empty()
                               ? begin == 0 || !is_word(window[begin - 1])
                               : head_at(shape, window.substr(begin, match_end - begin));
    if (!may_start) continue;
    looked = true;
    if (passes(shape, window.substr(begin, end - begin))) return TokenSpan{begin, end};
  }
  if (looked) return std::nullopt;
  return TokenSpan{0, end};
}

}  // namespace bottle
