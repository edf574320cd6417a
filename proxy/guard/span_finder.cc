#include "proxy/guard/span_finder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "proxy/guard/shapes/scanner_patterns.h"
#include "proxy/guard/shapes/token_text.h"

namespace bottle {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kSpanStep = 64;
constexpr std::size_t kLead = 8192;         // holds what hits nearly always
constexpr std::size_t kShortest = 8;        // kMinSecret
constexpr std::size_t kMaxCut = 64 * 1024;  // the begin of a longer text is not narrowed down
constexpr std::size_t kWrapped = 32;        // a line that is broken has so many characters

bool is_run(char c) {
  return is_alnum(c) || c == '+' || c == '/' || c == '=' || c == '-' || c == '_';
}

bool hex_at(ByteView text, std::size_t at, std::size_t count) {
  const ByteView digits = text.substr(std::min(at, text.size()), count);
  return digits.size() == count && std::all_of(digits.begin(), digits.end(), is_hex);
}

// Length of what continues a token at the front: a character or an escape of one.
std::size_t token_part(ByteView text) {
  if (text.empty()) return 0;
  if (is_run(text[0])) return 1;
  const bool joins = text[0] == '.' || text[0] == '~' || text[0] == ':';
  if (joins) return text.size() > 1 && is_alnum(text[1]) ? 1 : 0;
  if (text[0] == '%') return hex_at(text, 1, 2) ? 3 : 0;
  if (text.starts_with("\\u")) return hex_at(text, 2, 4) ? 6 : 0;
  if (text.starts_with("\\x")) return hex_at(text, 2, 2) ? 4 : 0;
  return 0;
}

std::size_t end_of_token(ByteView text, std::size_t at) {
  for (;;) {
    const std::size_t part = token_part(text.substr(at));
    if (part == 0) return at;
    at += part;
  }
}

// Length of the line break at the front, also an escaped one, with the spaces of the next line.
std::size_t break_size(ByteView text) {
  std::size_t at = 0;
  for (const std::string_view mark : {"\r", "\\r", "\n", "\\n"}) {
    if (text.substr(at).starts_with(mark)) at += mark.size();
  }
  if (at == 0) return 0;
  const std::size_t word = text.find_first_not_of(" \t", at);
  return word == ByteView::npos ? text.size() : word;
}

// A line of base64 or hex, as a program that breaks into lines writes it: nothing else is in it.
bool is_wrapped_line(ByteView line) {
  const std::size_t padding = line.find_last_not_of('=');
  if (padding == ByteView::npos || line.size() - padding > 3) return false;
  line = line.substr(0, padding + 1);
  return std::all_of(line.begin(), line.end(),
                     [](char c) { return is_alnum(c) || c == '+' || c == '/'; });
}

// Over the further lines of an encoded text that was broken into lines. Those have one length, only
// the last one is shorter. A token with other lines behind it is none.
std::size_t end_of_lines(ByteView text, std::size_t begin, std::size_t at) {
  if (!is_wrapped_line(text.substr(begin, at - begin))) return at;
  const std::size_t width = at - begin;
  bool more = width >= kWrapped;
  while (more) {
    const std::size_t next = at + break_size(text.substr(at));
    if (next == at) return at;
    const std::size_t end = end_of_token(text, next);
    const ByteView rest = text.substr(end);
    const bool alone = rest.empty() || break_size(rest) > 0 || rest[0] == '"' || rest[0] == '\'';
    const std::size_t size = end - next;
    if (size == 0 || size > width || !alone) return at;
    if (!is_wrapped_line(text.substr(next, size))) return at;
    more = size == width;
    at = end;
  }
  return at;
}

// Of a key in PEM: to the end of its last line, or of the text.
std::size_t end_of_pem(ByteView text, std::size_t at) {
  constexpr std::string_view kDashes = "-----";
  const std::size_t last = text.find("-----END", at);
  if (last == ByteView::npos) return text.size();
  const std::size_t close = text.find(kDashes, last + kDashes.size());
  return close == ByteView::npos ? text.size() : close + kDashes.size();
}

// Behind the line that begins a private key: whether there is more of one than code has that looks
// for such a line.
bool has_key(ByteView text) {
  constexpr std::size_t kLine = 24;
  if (text.find("-----END") != ByteView::npos) return true;
  std::size_t run = 0;
  for (const char c : text) {
    run = is_alnum(c) || c == '+' || c == '/' ? run + 1 : 0;
    if (run == kLine) return true;
  }
  return false;
}

std::size_t end_of_word(ByteView text, std::size_t at) {
  while (at < text.size() && text[at] > ' ' && text[at] != '"' && text[at] != '\'') ++at;
  return at;
}

// The span of the whole value; [begin, end) of it is enough for a hit.
TextSpan widened(ByteView text, TextSpan span, const Finding& finding) {
  if (is_key_header(finding.name) && !has_key(text.substr(span.end))) return span;
  if (ends_at_space(finding.name)) return {.begin = span.begin, .end = end_of_word(text, span.end)};
  if (text.substr(span.begin, span.end - span.begin).find("-----BEGIN") != ByteView::npos) {
    return {.begin = span.begin, .end = end_of_pem(text, span.end)};
  }
  // A piece of a longer value: no encoding makes the rest more than four times as long.
  if (finding.value_size > 0) {
    const std::size_t around = 4 * finding.value_size;
    span.begin -= std::min(span.begin, around);
    span.end = std::min(text.size(), span.end + around);
    return span;
  }
  // An encoded value stands in the middle of an encoded text; a token has a border on its left.
  if (finding.kind == FindingKind::Secret) {
    while (span.begin > 0 && (is_alnum(text[span.begin - 1]) || text[span.begin - 1] == '+')) {
      --span.begin;
    }
  }
  span.end = end_of_token(text, span.end);
  span.end = end_of_lines(text, span.begin, span.end);
  return span;
}

}  // namespace

bool SpanFinder::hits(ByteView text) const {
  SecretScanner scanner(place_.secrets, place_.space, place_.host, place_.scheme);
  return scanner.feed(text).refused || scanner.finish();
}

// The hit ends behind `begin`; the text is scanned from `lead` on.
std::optional<std::size_t> SpanFinder::end_within(ByteView text, std::size_t begin,
                                                  std::size_t lead) const {
  std::size_t end = text.size();
  for (const std::size_t step : {kSpanStep, std::size_t{1}}) {
    SecretScanner scanner(place_.secrets, place_.space, place_.host, place_.scheme);
    // A hit already here: one that only the cut text has.
    if (scanner.feed(text.substr(lead, begin - lead)).refused) return std::nullopt;
    std::size_t at = begin;
    bool found = false;
    while (!found && at < end) {
      begin = at;
      at += std::min(step, end - at);
      found = scanner.feed(text.substr(begin, at - begin)).refused.has_value();
    }
    if (!found) return std::nullopt;
    end = at;
  }
  return end;
}

std::size_t SpanFinder::end_of_hit(ByteView text, std::size_t begin) const {
  std::optional<std::size_t> end;
  if (begin > kLead) end = end_within(text, begin, begin - kLead);
  if (!end) end = end_within(text, begin, 0);
  return end.value_or(text.size());
}

std::optional<SpanFinder::End> SpanFinder::first_end(ByteView text) const {
  SecretScanner scanner(place_.secrets, place_.space, place_.host, place_.scheme);
  for (std::size_t at = 0; at < text.size(); at += kBlock) {
    const ByteView block = text.substr(at, kBlock);
    const auto found = scanner.feed(block).refused;
    if (!found) continue;
    return End{.at = end_of_hit(text.substr(0, at + block.size()), at), .finding = *found};
  }
  auto last = scanner.finish();
  if (!last) return std::nullopt;
  return End{.at = text.size(), .finding = std::move(*last)};
}

// The text hits. The begin of the shortest end of it that does, as far as halving finds it.
std::size_t SpanFinder::last_begin(ByteView text) const {
  std::size_t size = std::min(kShortest, text.size());
  std::size_t short_of = 0;
  while (size < text.size() && !hits(text.substr(text.size() - size))) {
    short_of = size;
    size = std::min(size * 2, text.size());
  }
  while (size - short_of > 1 && size <= kMaxCut) {
    const std::size_t middle = short_of + (size - short_of) / 2;
    (hits(text.substr(text.size() - middle)) ? size : short_of) = middle;
  }
  return text.size() - size;
}

std::vector<FoundSpan> SpanFinder::find(ByteView text) const {
  std::vector<FoundSpan> spans;
  std::size_t from = 0;
  while (from < text.size()) {
    auto end = first_end(text.substr(from));
    if (!end) break;
    TextSpan span{.begin = from + last_begin(text.substr(from, end->at)), .end = from + end->at};
    span = widened(text, span, end->finding);
    span.begin = std::max(span.begin, from);
    if (spans.size() + 1 == kMaxSpans) span.end = text.size();
    from = span.end;
    spans.push_back(FoundSpan{.span = span, .finding = std::move(end->finding)});
  }
  return spans;
}

}  // namespace bottle
