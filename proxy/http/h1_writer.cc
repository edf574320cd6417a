#include "proxy/http/h1_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "proxy/http/framing_rules.h"

namespace bottle {
namespace {

// Fields that the writer alone decides about.
bool is_ours(std::string_view name) {
  constexpr auto kOurs = std::to_array<std::string_view>(
      {"host", "content-length", "transfer-encoding", "connection", "keep-alive",
       "proxy-connection", "upgrade", "te", "trailer", "http2-settings"});
  return std::any_of(kOurs.begin(), kOurs.end(),
                     [name](std::string_view ours) { return iequals(ours, name); });
}

// Whether the field comes back from the wire as this one field and nothing more.
bool is_one_line(const Field& field) { return is_token(field.name) && is_field_value(field.value); }

void append_number(Bytes& out, std::uint64_t value, int base) {
  std::array<char, 20> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, base).ptr;
  out.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

void append_field(Bytes& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_framing(Bytes& out, const Framing& framing) {
  switch (framing.kind) {
    case Framing::Kind::Length:
      out.append("Content-Length: ");
      append_number(out, framing.length, 10);
      out.append("\r\n");
      break;
    case Framing::Kind::Chunked:
      append_field(out, "Transfer-Encoding", "chunked");
      break;
    case Framing::Kind::None:
    case Framing::Kind::Close:
      break;
  }
}

bool is_target(std::string_view target, std::string_view method) {
  if (target == "*") return method == "OPTIONS";
  return !target.empty() && target.front() == '/' &&
         std::all_of(target.begin(), target.end(),
                     [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

// For what a head has besides its fields, target and authority: one allocation then holds it all.
constexpr std::size_t kHeadRoom = 192;

struct StatusPhrase {
  int status;
  std::string_view phrase;
};
// RFC 9110 section 15 and the registry of status codes, in order.
constexpr auto kPhrases = std::to_array<StatusPhrase>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {511, "Network Authentication Required"},
});
static_assert(std::is_sorted(kPhrases.begin(), kPhrases.end(),
                             [](const StatusPhrase& a, const StatusPhrase& b) {
                               return a.status < b.status;
                             }));

}  // namespace

Result<void> write_request_head(Bytes& out, const RequestHead& head, RequestForm form,
                                const Destination& destination, const Framing& framing) {
  const bool vetted = is_token(head.method) && (head.protocol.empty() || is_token(head.protocol)) &&
                      head.method != "CONNECT" && is_target(head.target, head.method) &&
                      !destination.host.empty() && destination.port != 0 &&
                      framing.kind != Framing::Kind::Close;
  bool lines = true;
  for (const Field field : head.fields) lines = lines && is_one_line(field);
  if (!vetted || !lines) {
    return Failure{Code::Internal, "a request head that was not vetted was about to be sent"};
  }
  const std::string authority = destination.authority(head.scheme);
  out.reserve(out.size() + head.fields.list_size() + head.target.size() + 2 * authority.size() +
              kHeadRoom);
  out.append(head.method).push_back(' ');
  if (form == RequestForm::Absolute) {
    out.append(to_string(head.scheme)).append("://").append(authority);
    // RFC 9112 section 3.2.4: "OPTIONS *" travels through a proxy as a URL without a path.
    if (head.target != "*") out.append(head.target);
  } else {
    out.append(head.target);
  }
  out.append(" HTTP/1.1\r\n");
  append_field(out, "Host", authority);
  for (const Field field : head.fields) {
    const bool names_trailers =
        framing.kind == Framing::Kind::Chunked && iequals(field.name, "trailer");
    if (!is_ours(field.name) || names_trailers) append_field(out, field.name, field.value);
  }
  append_framing(out, framing);
  // RFC 9110 section 10.1.4: TE is of this connection alone, and Connection says so.
  if (!head.protocol.empty()) {
    append_field(out, "Connection", "Upgrade");
    append_field(out, "Upgrade", head.protocol);
  } else if (head.takes_trailers) {
    out.append("TE: trailers\r\nConnection: TE\r\n");
  }
  out.append("\r\n");
  return {};
}

void write_response_head(Bytes& out, const ResponseHead& head, const Framing& framing,
                         bool keep_alive) {
  out.reserve(out.size() + head.fields.list_size() + head.reason.size() + kHeadRoom);
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(std::clamp(head.status, 100, 999)), 10);
  out.push_back(' ');
  out.append(head.reason.empty() || !is_field_value(head.reason) ? reason_phrase(head.status)
                                                                 : std::string_view(head.reason));
  out.append("\r\n");
  for (const Field field : head.fields) {
    if (!is_ours(field.name) && is_one_line(field)) append_field(out, field.name, field.value);
  }
  append_framing(out, framing);
  const bool closes = !keep_alive && head.status >= 200;
  // RFC 9110 sections 15.5.22 and 7.8: a 426 has an Upgrade, and Connection lists that.
  const auto upgrade = head.status == 426 ? head.fields.find("upgrade") : std::nullopt;
  if (head.status == 101) {
    out.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  } else if (upgrade && is_field_value(*upgrade)) {
    append_field(out, "Upgrade", *upgrade);
    append_field(out, "Connection", closes ? "Upgrade, close" : "Upgrade");
  } else if (closes) {
    append_field(out, "Connection", "close");
  }
  out.append("\r\n");
}

Framing framing_for(const ResponseHead& head, Version client_version,
                    std::string_view request_method) {
  if (head.status / 100 == 1 || head.status == 204) return Framing::none();
  if (head.status == 304 || request_method == "HEAD") {
    return head.content_length ? Framing::content_length(*head.content_length) : Framing::none();
  }
  if (!head.has_body) return Framing::content_length(0);
  if (head.content_length) return Framing::content_length(*head.content_length);
  return client_version == Version::Http10 ? Framing::close() : Framing::chunked();
}

void write_chunk(Bytes& out, ByteView data) {
  if (data.empty()) return;
  append_number(out, data.size(), 16);
  out.append("\r\n").append(data).append("\r\n");
}

void write_last_chunk(Bytes& out, const Fields* trailers) {
  out.append("0\r\n");
  if (trailers != nullptr) {
    for (const Field field : *trailers) {
      if (!is_ours(field.name) && is_one_line(field)) append_field(out, field.name, field.value);
    }
  }
  out.append("\r\n");
}

std::string_view reason_phrase(int status) noexcept {
  const auto* row =
      std::lower_bound(kPhrases.begin(), kPhrases.end(), status,
                       [](const StatusPhrase& one, int wanted) { return one.status < wanted; });
  return row != kPhrases.end() && row->status == status ? row->phrase : std::string_view();
}

}  // namespace bottle
