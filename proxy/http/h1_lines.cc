#include "proxy/http/h1_lines.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "proxy/contract/problem_codes.h"
#include "proxy/http/byte_class.h"
#include "proxy/http/framing_rules.h"

namespace bottle {
namespace {

Result<void> check_request_line(ByteView line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == ByteView::npos || first == last) {
    return Failure{Code::ClientBad, "the request line is not 'METHOD target HTTP/1.1'",
                   problem_code::kBadRequestLine};
  }
  if (!is_token(line.substr(0, first))) {
    return Failure{Code::ClientBad, "the request's method is not a token",
                   problem_code::kBadRequestLine};
  }
  if (!all_of_class(line.substr(first + 1, last - first - 1), kTargetByte) || last == first + 1) {
    return Failure{Code::ClientBad,
                   "the request's target has a space, a control byte or a byte outside ASCII",
                   problem_code::kBadTarget, "Percent-encode such bytes."};
  }
  if (!parse_version(line.substr(last + 1))) {
    const bool looks_right = line.substr(last + 1).starts_with("HTTP/");
    return Failure{looks_right ? Code::NotSupported : Code::ClientBad,
                   "the request's version is neither HTTP/1.1 nor HTTP/1.0",
                   problem_code::kBadVersion, "Speak HTTP/1.1, or HTTP/2 after TLS with ALPN."};
  }
  return {};
}

Result<void> check_status_line(ByteView line) {
  const bool shape = line.size() >= 12 && parse_version(line.substr(0, 8)) && line[8] == ' ' &&
                     line[9] >= '1' && line[9] <= '9' && line[10] >= '0' && line[10] <= '9' &&
                     line[11] >= '0' && line[11] <= '9' && (line.size() == 12 || line[12] == ' ');
  if (!shape || !all_of_class(line, kTextByte)) {
    return Failure{Code::ClientBad, "the status line is malformed"};
  }
  return {};
}

// Most heads are shorter; a longer one grows.
constexpr std::size_t kUsualHead = 2048;

Failure too_large(std::string detail) { return Failure{Code::HeadTooLarge, std::move(detail)}; }

}  // namespace

std::optional<Version> parse_version(ByteView text) noexcept {
  if (text == "HTTP/1.1") return Version::Http11;
  if (text == "HTTP/1.0") return Version::Http10;
  return std::nullopt;
}

void H1Lines::clear() {
  text_.clear();
  line_start_ = fields_ = 0;
  start_line_seen_ = leading_crlf_seen_ = started_ = done_ = false;
}

Result<std::size_t> H1Lines::feed(ByteView in) {
  std::size_t consumed = 0;
  if (text_.empty()) text_.reserve(std::min({in.size(), limits_.bytes, kUsualHead}));
  while (!done_ && consumed < in.size()) {
    if (text_.size() == limits_.bytes) {
      return too_large("the head is longer than " + std::to_string(limits_.bytes) + " bytes");
    }
    // Line by line, so that an error is the same one however the bytes were cut.
    const ByteView rest =
        in.substr(consumed, std::min(in.size() - consumed, limits_.bytes - text_.size()));
    const void* lf = std::memchr(rest.data(), '\n', rest.size());
    const std::size_t take =
        lf == nullptr ? rest.size()
                      : static_cast<std::size_t>(static_cast<const char*>(lf) - rest.data()) + 1;
    text_.append(rest.substr(0, take));
    consumed += take;
    started_ = true;
    if (!start_line_seen_ && section_ != Section::Trailers &&
        text_.size() - line_start_ > limits_.start_line + 2) {
      return too_large("the first line is longer than " + std::to_string(limits_.start_line) +
                       " bytes");
    }
    if (lf == nullptr) continue;
    ByteView text = ByteView(text_).substr(line_start_);
    if (text.size() < 2 || text[text.size() - 2] != '\r') {
      return Failure{Code::ClientBad, "a line does not end with CR LF", problem_code::kBadLine};
    }
    text.remove_suffix(2);
    auto vetted = line(text);
    if (!vetted) return vetted.error();
    line_start_ = text_.size();
  }
  return consumed;
}

Result<void> H1Lines::line(ByteView text) {
  if (section_ != Section::Trailers && !start_line_seen_) {
    if (text.empty() && section_ == Section::RequestHead && !leading_crlf_seen_) {
      // RFC 9112 section 2.2: one empty line in front of a request is to be ignored. It
      // begins nothing: the connection is still idle.
      clear();
      leading_crlf_seen_ = true;
      return {};
    }
    start_line_seen_ = true;
    return section_ == Section::RequestHead ? check_request_line(text) : check_status_line(text);
  }
  if (text.empty()) {
    done_ = true;
    return {};
  }
  if (text.front() == ' ' || text.front() == '\t') {
    return Failure{Code::ClientBad, "a field line begins with a space (folded lines are obsolete)",
                   problem_code::kBadLine};
  }
  const std::size_t colon = text.find(':');
  const ByteView name = text.substr(0, colon);
  if (colon == ByteView::npos || !is_token(name)) {
    return Failure{Code::ClientBad, "a field line has no valid name in front of a colon",
                   problem_code::kBadLine};
  }
  if (!all_of_class(text.substr(colon + 1), kTextByte)) {
    return Failure{Code::ClientBad, "a field's value has a control byte", problem_code::kBadLine};
  }
  if (name.size() > limits_.name) {
    return too_large("a field's name is longer than " + std::to_string(limits_.name) + " bytes");
  }
  if (++fields_ > limits_.fields) {
    return too_large("there are more than " + std::to_string(limits_.fields) + " fields");
  }
  return {};
}

Fields parse_trailers(ByteView text) {
  Fields fields;
  while (text.size() > 2) {
    const std::size_t end = text.find("\r\n");
    const ByteView line = text.substr(0, end);
    const std::size_t colon = line.find(':');
    fields.add(line.substr(0, colon), trim_ows(line.substr(colon + 1)));
    text.remove_prefix(end + 2);
  }
  return fields;
}

}  // namespace bottle
