#include "proxy/http/h1_parser.h"

#include <llhttp.h>

#include <utility>

#include "proxy/contract/problem_codes.h"

// Every includer and the library itself must agree on this: without it 8.x takes a lone CR for the
// end of a line.
static_assert(LLHTTP_STRICT_MODE == 1, "llhttp has to be compiled in strict mode");

namespace bottle {
namespace {

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
      return Failure{Code::NotSupported, "the request's method is not known",
                     problem_code::kBadMethod};
    case HPE_INVALID_TRANSFER_ENCODING:
      return Failure{Code::NotSupported, "only the transfer coding 'chunked' is understood",
                     problem_code::kBadFraming};
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
      return Failure{Code::ClientBad, "Content-Length is malformed, repeated or contradicted",
                     problem_code::kBadFraming};
    default:
      return Failure{Code::ClientBad, std::string("the request's head is malformed (") +
                                          llhttp_errno_name(error) + ")"};
  }
}

Failure broken(std::string detail) { return Failure{Code::UpstreamBroken, std::move(detail)}; }

// A failure that the shared line and body code reports in a request's words.
Failure as_upstream(const Failure& failure) {
  const std::string detail = "response: " + failure.detail;
  return failure.code == Code::HeadTooLarge ? response_too_large(detail) : broken(detail);
}

bool keeps_alive(Version version, const Fields& fields) {
  // HTTP/1.0 is answered, then closed, whatever it asks for.
  if (version != Version::Http11) return false;
  for (const Field field : fields) {
    if (iequals(field.name, "connection") && list_has_token(field.value, "close")) return false;
  }
  return true;
}

H1Lines::Limits head_limits(const HeadLimits& limits) {
  return {limits.head_bytes, limits.fields, limits.name_bytes, limits.start_line_bytes};
}

}  // namespace

// ---- H1RequestParser ---------------------------------------------------------------------------

H1RequestParser::H1RequestParser(Arrival arrival, const HeadLimits& limits)
    : arrival_(arrival),
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
    Fields trailers = parse_trailers(body_.trailer_text());
    auto vetted = check_request_trailers(trailers, limits_);
    if (!vetted) return fail(vetted.error());
    if (!trailers.empty()) trailers_ = std::move(trailers);
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
  head.version = parse_version(text.substr(last + 1, end - last - 1)).value_or(Version::Http11);
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
  if (connect && arrival_ != Arrival::Listener) {
    return Failure{Code::NotSupported, "CONNECT inside a tunnel is not supported",
                   problem_code::kBadMethod,
                   "Send CONNECT to the proxy itself, on a connection of its own."};
  }
  if (!connect && target.front() != '/' && target != "*" && !is_absolute_form(target)) {
    return Failure{Code::ClientBad, "the request's target is neither a path nor an http URL",
                   problem_code::kBadTarget};
  }
  auto framing = request_framing(head.version, head.fields);
  if (!framing) return framing.error();
  // "Content-Length: 0" is said by some clients and cannot be misread.
  if (connect && framing->kind == BodyFraming::Kind::Length && framing->length == 0) {
    framing = BodyFraming{};
  }
  if (connect && framing->kind != BodyFraming::Kind::None) {
    return Failure{Code::ClientBad, "CONNECT has no body (RFC 9110 section 9.3.6)",
                   problem_code::kBadFraming};
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

std::optional<Fields> H1RequestParser::take_trailers() {
  return std::exchange(trailers_, std::nullopt);
}

void H1RequestParser::reset() {
  lines_.clear();
  body_.clear();
  head_ = RequestHead{};
  framing_ = BodyFraming{};
  body_bytes_.clear();
  trailers_.reset();
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
  head.version = parse_version(text.substr(0, 8)).value_or(Version::Http11);
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
