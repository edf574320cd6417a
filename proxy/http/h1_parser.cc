#include "proxy/http/h1_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

// Every includer and the library itself must agree on this: without it 8.x takes a lone CR for the
// end of a line.
static_assert(LLHTTP_STRICT_MODE == 1, "llhttp has to be compiled in strict mode");

namespace bottle {
namespace {

// ---- bytes ---------------------------------------------------------------------------------

constexpr unsigned char kTokenByte = 1;
constexpr unsigned char kTextByte = 2;  // of a value or reason phrase: HTAB, SP to ~, 0x80 to 0xff
constexpr unsigned char kTargetByte = 4;  // 0x21 to 0x7e

constexpr std::array<unsigned char, 256> make_classes() {
  std::array<unsigned char, 256> table{};
  for (std::size_t c = 0; c < 256; ++c) {
    unsigned char bits = 0;
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    bool mark = false;
    for (const char m : std::string_view("!#$%&'*+-.^_`|~")) {
      mark = mark || c == static_cast<unsigned char>(m);
    }
    if (alnum || mark) bits |= kTokenByte;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= kTextByte;
    if (c >= 0x21 && c <= 0x7e) bits |= kTargetByte;
    table[c] = bits;
  }
  return table;
}
constexpr auto kClasses = make_classes();

bool all_of_class(ByteView text, unsigned char wanted) {
  unsigned char bits = wanted;
  for (const char c : text) bits &= kClasses[static_cast<unsigned char>(c)];
  return bits == wanted;
}

// ---- the second opinion: llhttp ---------------------------------------------------------------

// One complete head goes through llhttp in one call, so every span is whole, except where llhttp
// itself splits a value; those spans touch.
struct HeadSink {
  Fields* fields;
  ByteView start;  // target or reason phrase
  ByteView name;
  ByteView value;
  bool torn = false;
};

void extend(HeadSink& sink, ByteView& span, const char* at, std::size_t length) {
  if (span.empty()) {
    span = ByteView(at, length);
  } else if (span.data() + span.size() == at) {
    span = ByteView(span.data(), span.size() + length);
  } else {
    sink.torn = true;
  }
}

HeadSink& sink_of(llhttp_t* parser) { return *static_cast<HeadSink*>(parser->data); }

int on_start(llhttp_t* parser, const char* at, std::size_t length) {
  extend(sink_of(parser), sink_of(parser).start, at, length);
  return 0;
}

int on_name(llhttp_t* parser, const char* at, std::size_t length) {
  extend(sink_of(parser), sink_of(parser).name, at, length);
  return 0;
}

int on_value(llhttp_t* parser, const char* at, std::size_t length) {
  extend(sink_of(parser), sink_of(parser).value, at, length);
  return 0;
}

int on_value_complete(llhttp_t* parser) {
  HeadSink& sink = sink_of(parser);
  sink.fields->add(sink.name, trim_ows(sink.value));
  sink.name = {};
  sink.value = {};
  return sink.torn ? HPE_USER : 0;
}

// The body is ours: llhttp never sees it.
int on_head_complete(llhttp_t*) { return HPE_PAUSED; }

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = on_start;
  settings.on_status = on_start;
  settings.on_header_field = on_name;
  settings.on_header_value = on_value;
  settings.on_header_value_complete = on_value_complete;
  settings.on_headers_complete = on_head_complete;
  return settings;
}

struct HeadParse {
  llhttp_errno_t error;
  int major, minor, status;
  bool at_end;
};

HeadParse run_llhttp(llhttp_type_t type, ByteView text, HeadSink& sink) {
  static const llhttp_settings_t kSettings = make_settings();
  llhttp_t parser;
  llhttp_init(&parser, type, &kSettings);
  parser.data = &sink;
  const llhttp_errno_t error = llhttp_execute(&parser, text.data(), text.size());
  const char* stop = llhttp_get_error_pos(&parser);
  // A pause is reported at the last byte of the head or right behind it, never before.
  const bool at_end =
      error == HPE_PAUSED && stop != nullptr && stop + 1 >= text.data() + text.size();
  return HeadParse{error, parser.http_major, parser.http_minor, parser.status_code, at_end};
}

Failure request_failure(llhttp_errno_t error) {
  switch (error) {
    case HPE_INVALID_METHOD:
      return Failure{Code::NotSupported, "the request's method is not known", "bad_method"};
    case HPE_INVALID_TRANSFER_ENCODING:
      return Failure{Code::NotSupported, "only the transfer coding 'chunked' is understood",
                     "bad_framing"};
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
      return Failure{Code::ClientBad, "Content-Length is malformed, repeated or contradicted",
                     "bad_framing"};
    default:
      return Failure{Code::ClientBad, std::string("the request's head is malformed (") +
                                          llhttp_errno_name(error) + ")"};
  }
}

Failure broken(std::string detail) { return Failure{Code::UpstreamBroken, std::move(detail)}; }

// A failure that the shared line and body code reports in a request's words.
Failure as_upstream(const Failure& failure) { return broken("response: " + failure.detail); }

bool keeps_alive(Version version, const Fields& fields) {
  // HTTP/1.0 is answered, then closed, whatever it asks for.
  if (version != Version::Http11) return false;
  for (const Field field : fields) {
    if (iequals(field.name, "connection") && list_has_token(field.value, "close")) return false;
  }
  return true;
}

// ---- start lines -----------------------------------------------------------------------------

std::optional<Version> version_of(ByteView text) {
  if (text == "HTTP/1.1") return Version::Http11;
  if (text == "HTTP/1.0") return Version::Http10;
  return std::nullopt;
}

Result<void> check_request_line(ByteView line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == ByteView::npos || first == last) {
    return Failure{Code::ClientBad, "the request line is not 'METHOD target HTTP/1.1'",
                   "bad_request_line"};
  }
  if (!is_token(line.substr(0, first))) {
    return Failure{Code::ClientBad, "the request's method is not a token", "bad_request_line"};
  }
  if (!all_of_class(line.substr(first + 1, last - first - 1), kTargetByte) || last == first + 1) {
    return Failure{Code::ClientBad,
                   "the request's target has a space, a control byte or a byte outside ASCII",
                   "bad_target", "Percent-encode such bytes."};
  }
  if (!version_of(line.substr(last + 1))) {
    const bool looks_right = line.substr(last + 1).starts_with("HTTP/");
    return Failure{looks_right ? Code::NotSupported : Code::ClientBad,
                   "the request's version is neither HTTP/1.1 nor HTTP/1.0", "bad_version",
                   "Speak HTTP/1.1, or HTTP/2 after TLS with ALPN."};
  }
  return {};
}

Result<void> check_status_line(ByteView line) {
  const bool shape = line.size() >= 12 && version_of(line.substr(0, 8)) && line[8] == ' ' &&
                     line[9] >= '1' && line[9] <= '9' && line[10] >= '0' && line[10] <= '9' &&
                     line[11] >= '0' && line[11] <= '9' && (line.size() == 12 || line[12] == ' ');
  if (!shape || !all_of_class(line, kTextByte)) {
    return Failure{Code::ClientBad, "the status line is malformed"};
  }
  return {};
}

Failure too_large(std::string detail) { return Failure{Code::HeadTooLarge, std::move(detail)}; }

H1Lines::Limits head_limits(const HeadLimits& limits) {
  return {limits.head_bytes, limits.fields, limits.name_bytes, limits.start_line_bytes};
}

}  // namespace

// ---- H1Lines -----------------------------------------------------------------------------------

void H1Lines::clear() {
  text_.clear();
  scanned_ = line_start_ = fields_ = 0;
  start_line_seen_ = leading_crlf_seen_ = started_ = done_ = false;
}

Result<std::size_t> H1Lines::feed(ByteView in) {
  std::size_t consumed = 0;
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
      return Failure{Code::ClientBad, "a line does not end with CR LF", "bad_line"};
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
      // RFC 9112 section 2.2: one empty line in front of a request is to be ignored.
      leading_crlf_seen_ = true;
      text_.clear();
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
                   "bad_line"};
  }
  const std::size_t colon = text.find(':');
  const ByteView name = text.substr(0, colon);
  if (colon == ByteView::npos || !is_token(name)) {
    return Failure{Code::ClientBad, "a field line has no valid name in front of a colon",
                   "bad_line"};
  }
  if (!all_of_class(text.substr(colon + 1), kTextByte)) {
    return Failure{Code::ClientBad, "a field's value has a control byte", "bad_line"};
  }
  if (name.size() > limits_.name) {
    return too_large("a field's name is longer than " + std::to_string(limits_.name) + " bytes");
  }
  if (++fields_ > limits_.fields) {
    return too_large("there are more than " + std::to_string(limits_.fields) + " fields");
  }
  return {};
}

// ---- H1Body ------------------------------------------------------------------------------------

H1Body::H1Body(const HeadLimits& limits)
    : limits_(limits),
      trailers_(H1Lines::Section::Trailers,
                {limits.trailer_bytes, limits.trailer_fields, limits.name_bytes, 0}) {}

void H1Body::clear() {
  state_ = State::Complete;
  remaining_ = 0;
  ext_total_ = 0;
  line_.clear();
  trailers_.clear();
}

void H1Body::start(BodyFraming framing) {
  switch (framing.kind) {
    case BodyFraming::Kind::None:
      state_ = State::Complete;
      break;
    case BodyFraming::Kind::Length:
      remaining_ = framing.length;
      state_ = remaining_ == 0 ? State::Complete : State::Counted;
      break;
    case BodyFraming::Kind::Chunked:
      state_ = State::ChunkSize;
      break;
    case BodyFraming::Kind::UntilClose:
      state_ = State::UntilClose;
      break;
  }
}

Result<std::size_t> H1Body::feed(ByteView in, Bytes& out) {
  std::size_t used = 0;
  while (used < in.size() && state_ != State::Complete) {
    const ByteView rest = in.substr(used);
    switch (state_) {
      case State::UntilClose:
        out.append(rest);
        used += rest.size();
        break;
      case State::Counted:
      case State::ChunkData: {
        const std::size_t take =
            static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, rest.size()));
        out.append(rest.substr(0, take));
        used += take;
        remaining_ -= take;
        if (remaining_ == 0) {
          state_ = state_ == State::Counted ? State::Complete : State::ChunkEnd;
        }
        break;
      }
      case State::ChunkSize: {
        // "8 digits; extension CR LF": anything longer is refused before it is collected.
        const std::size_t room = 8 + limits_.chunk_ext_line + 2 - line_.size();
        const ByteView part = rest.substr(0, room);
        const std::size_t lf = part.find('\n');
        const std::size_t take = lf == ByteView::npos ? part.size() : lf + 1;
        line_.append(part.substr(0, take));
        used += take;
        if (lf != ByteView::npos) {
          auto size = chunk_size();
          if (!size) return size.error();
          line_.clear();
        } else if (take == room) {
          return Failure{Code::ClientBad, "a chunk's size line is too long", "bad_chunk"};
        }
        break;
      }
      case State::ChunkEnd:
        line_.push_back(rest.front());
        ++used;
        if (line_ == "\r\n") {
          line_.clear();
          state_ = State::ChunkSize;
        } else if (line_ != "\r") {
          return Failure{Code::ClientBad, "a chunk is longer than its size says", "bad_chunk"};
        }
        break;
      case State::Trailers: {
        auto n = trailers_.feed(rest);
        if (!n) return n.error();
        used += *n;
        if (trailers_.done()) state_ = State::Complete;
        break;
      }
      case State::Complete:
        break;
    }
  }
  return used;
}

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// *( ";" token [ "=" ( token / quoted-string ) ] ), RFC 9112 section 7.1.1 without its "bad"
// white space.
bool valid_extensions(ByteView text) {
  const auto token = [&text] {
    std::size_t n = 0;
    while (n < text.size() && all_of_class(text.substr(n, 1), kTokenByte)) ++n;
    text.remove_prefix(n);
    return n > 0;
  };
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    if (!token()) return false;
    if (text.empty() || text.front() != '=') continue;
    text.remove_prefix(1);
    if (text.empty() || text.front() != '"') {
      if (!token()) return false;
      continue;
    }
    const std::size_t close = text.find('"', 1);
    if (close == ByteView::npos) return false;
    const ByteView quoted = text.substr(1, close - 1);
    if (quoted.find('\\') != ByteView::npos || !all_of_class(quoted, kTextByte)) return false;
    text.remove_prefix(close + 1);
  }
  return true;
}

}  // namespace

Result<void> H1Body::chunk_size() {
  const auto refuse = [](const char* detail) {
    return Failure{Code::ClientBad, detail, "bad_chunk"};
  };
  ByteView text = line_;
  if (text.size() < 2 || text[text.size() - 2] != '\r') {
    return refuse("a chunk's size line does not end with CR LF");
  }
  text.remove_suffix(2);
  std::uint64_t size = 0;
  std::size_t digits = 0;
  while (digits < text.size() && hex_value(text[digits]) >= 0) {
    if (digits == 8) return refuse("a chunk's size has more than 8 digits");
    size = size * 16 + static_cast<std::uint64_t>(hex_value(text[digits++]));
  }
  if (digits == 0) return refuse("a chunk's size is not a hexadecimal number");
  const ByteView extensions = text.substr(digits);
  if (extensions.size() > limits_.chunk_ext_line) return refuse("a chunk extension is too long");
  if (!valid_extensions(extensions)) {
    return refuse("something other than an extension follows a chunk's size");
  }
  ext_total_ += extensions.size();
  if (ext_total_ > limits_.chunk_ext_body) return refuse("there are too many chunk extensions");
  remaining_ = size;
  state_ = size == 0 ? State::Trailers : State::ChunkData;
  return {};
}

// ---- trailers
// ------------------------------------------------------------------------------------

namespace {

// The lines were vetted by H1Lines: each is "token:text".
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

}  // namespace

// ---- H1RequestParser ---------------------------------------------------------------------------

H1RequestParser::H1RequestParser(Place place, const HeadLimits& limits)
    : place_(place),
      limits_(limits),
      lines_(H1Lines::Section::RequestHead, head_limits(limits)),
      body_(limits) {}

Failure H1RequestParser::fail(Failure failure) {
  failed_ = failure;
  return failure;
}

Result<std::size_t> H1RequestParser::feed(ByteView in) {
  if (failed_) return *failed_;
  if (!head_taken_) {
    if (head_ready_) return std::size_t{0};
    auto n = lines_.feed(in);
    if (!n) return fail(n.error());
    if (!lines_.done()) return n;
    auto parsed = parse_head();
    if (!parsed) return fail(parsed.error());
    head_ready_ = true;
    return n;
  }
  if (body_.complete()) return std::size_t{0};
  auto n = body_.feed(in, body_bytes_);
  if (!n) return fail(n.error());
  if (body_.complete() && !body_.trailer_text().empty()) {
    const Fields trailers = parse_trailers(body_.trailer_text());
    auto vetted = check_request_trailers(trailers, limits_);
    if (!vetted) return fail(vetted.error());
    trailers_dropped_ += trailers.size();
  }
  return n;
}

Result<void> H1RequestParser::parse_head() {
  const ByteView text = lines_.text();
  // The request line was vetted: two spaces, a token, a target, a version of ours.
  const std::size_t end = text.find("\r\n");
  const std::size_t first = text.find(' ');
  const std::size_t last = text.rfind(' ', end);
  const ByteView target = text.substr(first + 1, last - first - 1);
  RequestHead head;
  head.method = text.substr(0, first);
  head.target = target;
  head.version = *version_of(text.substr(last + 1, end - last - 1));
  head.fields.reserve(lines_.fields(), text.size() - end);

  HeadSink sink{&head.fields, {}, {}, {}};
  const HeadParse parsed = run_llhttp(HTTP_REQUEST, text, sink);
  if (parsed.error != HPE_PAUSED) return request_failure(parsed.error);
  const int minor = head.version == Version::Http11 ? 1 : 0;
  if (!parsed.at_end || sink.torn || parsed.major != 1 || parsed.minor != minor ||
      sink.start != target || head.fields.size() != lines_.fields()) {
    return Failure{Code::ClientBad, "the request's head has two readings"};
  }

  const bool connect = head.method == "CONNECT";
  if (connect && place_ == Place::Tunnel) {
    return Failure{Code::NotSupported, "CONNECT inside a tunnel is not supported", "bad_method",
                   "Send CONNECT to the proxy itself, on a connection of its own."};
  }
  if (!connect && target.front() != '/' && target != "*" && !is_absolute_form(target)) {
    return Failure{Code::ClientBad, "the request's target is neither a path nor an http URL",
                   "bad_target"};
  }
  auto framing = request_framing(head.version, head.fields);
  if (!framing) return framing.error();
  // "Content-Length: 0" is said by some clients and cannot be misread.
  if (connect && framing->kind == BodyFraming::Kind::Length && framing->length == 0) {
    framing = BodyFraming{};
  }
  if (connect && framing->kind != BodyFraming::Kind::None) {
    return Failure{Code::ClientBad, "CONNECT has no body (RFC 9110 section 9.3.6)", "bad_framing"};
  }
  framing_ = *framing;
  head.has_body = framing_.kind != BodyFraming::Kind::None;
  if (framing_.kind == BodyFraming::Kind::Length) head.content_length = framing_.length;
  head.keep_alive = keeps_alive(head.version, head.fields);
  head_ = std::move(head);
  return {};
}

RequestHead H1RequestParser::take_head() {
  head_taken_ = true;
  head_ready_ = false;
  body_.start(framing_);
  return std::exchange(head_, RequestHead{});
}

Bytes H1RequestParser::take_body() { return std::exchange(body_bytes_, Bytes{}); }

void H1RequestParser::reset() {
  lines_.clear();
  body_.clear();
  head_ = RequestHead{};
  framing_ = BodyFraming{};
  body_bytes_.clear();
  head_ready_ = head_taken_ = false;
}

// ---- H1ResponseParser --------------------------------------------------------------------------

H1ResponseParser::H1ResponseParser(const HeadLimits& limits)
    : limits_(limits), lines_(H1Lines::Section::ResponseHead, head_limits(limits)), body_(limits) {}

Failure H1ResponseParser::fail(Failure failure) {
  failed_ = failure;
  return failure;
}

Result<std::size_t> H1ResponseParser::feed(ByteView in) {
  if (failed_) return *failed_;
  if (!head_taken_) {
    if (head_ready_) return std::size_t{0};
    auto n = lines_.feed(in);
    if (!n) return fail(as_upstream(n.error()));
    if (!lines_.done()) return n;
    auto parsed = parse_head();
    if (!parsed) return fail(parsed.error());
    head_ready_ = true;
    return n;
  }
  if (body_.complete()) return std::size_t{0};
  auto n = body_.feed(in, body_bytes_);
  if (!n) return fail(as_upstream(n.error()));
  if (body_.complete() && body_.trailer_text().size() > 2) {
    Fields trailers = parse_trailers(body_.trailer_text());
    auto vetted = check_response_trailers(trailers, limits_);
    if (!vetted) return fail(vetted.error());
    if (!trailers.empty()) trailers_ = std::move(trailers);
  }
  return n;
}

Result<void> H1ResponseParser::parse_head() {
  const ByteView text = lines_.text();
  const std::size_t end = text.find("\r\n");
  ResponseHead head;
  head.version = *version_of(text.substr(0, 8));
  head.status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
  const ByteView reason = end > 13 ? text.substr(13, end - 13) : ByteView();
  head.reason = reason;
  head.fields.reserve(lines_.fields(), text.size() - end);

  HeadSink sink{&head.fields, {}, {}, {}};
  const HeadParse parsed = run_llhttp(HTTP_RESPONSE, text, sink);
  if (parsed.error != HPE_PAUSED) {
    return broken(std::string("the response's head is malformed (") +
                  llhttp_errno_name(parsed.error) + ")");
  }
  const int minor = head.version == Version::Http11 ? 1 : 0;
  if (!parsed.at_end || sink.torn || parsed.major != 1 || parsed.minor != minor ||
      parsed.status != head.status || head.fields.size() != lines_.fields()) {
    return broken("the response's head has two readings");
  }

  auto framing = response_framing(head.version, head.status, request_method_, head.fields);
  if (!framing) return framing.error();
  framing_ = *framing;
  head.has_body = framing_.kind != BodyFraming::Kind::None;
  if (framing_.kind == BodyFraming::Kind::Length) head.content_length = framing_.length;
  head.keep_alive =
      keeps_alive(head.version, head.fields) && framing_.kind != BodyFraming::Kind::UntilClose;
  head_ = std::move(head);
  return {};
}

Result<void> H1ResponseParser::finish() {
  if (failed_) return *failed_;
  if (!head_taken_) {
    return fail(broken(started() ? "the connection closed within the response's head"
                                 : "the connection closed before a response came"));
  }
  if (body_.until_close()) body_.close();
  if (body_.complete()) return {};
  return fail(Failure{Code::UpstreamTruncated, "the connection closed before the body's end"});
}

ResponseHead H1ResponseParser::take_head() {
  head_taken_ = true;
  head_ready_ = false;
  body_.start(framing_);
  return std::exchange(head_, ResponseHead{});
}

Bytes H1ResponseParser::take_body() { return std::exchange(body_bytes_, Bytes{}); }

std::optional<Fields> H1ResponseParser::take_trailers() {
  return std::exchange(trailers_, std::nullopt);
}

void H1ResponseParser::reset() {
  lines_.clear();
  body_.clear();
  head_ = ResponseHead{};
  framing_ = BodyFraming{};
  body_bytes_.clear();
  trailers_.reset();
  head_ready_ = head_taken_ = false;
}

}  // namespace bottle
