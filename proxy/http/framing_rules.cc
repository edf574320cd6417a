#include "proxy/http/framing_rules.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/contract/control_fields.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/byte_class.h"
#include "proxy/http/field_roles.h"
#include "proxy/http/kept_fields.h"
#include "proxy/http/method_rules.h"
#include "proxy/http/tunnel_rules.h"

namespace bottle {
namespace {

constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// ---- failures --------------------------------------------------------------------------------

Failure bad(std::string detail, std::string_view reason, std::string hint = {}) {
  return Failure{Code::ClientBad, std::move(detail), reason, std::move(hint)};
}

Failure broken(std::string detail) { return Failure{Code::UpstreamBroken, std::move(detail)}; }

// ---- Content-Length ----------------------------------------------------------------------------

// ^(0|[1-9][0-9]{0,14})$: below 2^53, and no second spelling.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 15 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

struct RawFraming {
  std::optional<std::uint64_t> length;
  bool chunked = false;
  const char* defect = nullptr;
  bool unknown_coding = false;
};

RawFraming raw_framing(Version version, const Fields& fields) {
  RawFraming raw;
  const auto length = fields.find("content-length");
  const auto coding = fields.find("transfer-encoding");
  const std::size_t lengths = fields.count("content-length");
  const std::size_t codings = fields.count("transfer-encoding");
  if (codings > 0 && version != Version::Http11) {
    raw.defect = "Transfer-Encoding is only for HTTP/1.1";
  } else if (lengths > 0 && codings > 0) {
    raw.defect = "Content-Length and Transfer-Encoding contradict each other";
  } else if (lengths > 1 || codings > 1) {
    raw.defect = "Content-Length or Transfer-Encoding is repeated";
  } else if (coding) {
    raw.chunked = iequals(*coding, "chunked");
    if (!raw.chunked) {
      raw.unknown_coding = true;
      raw.defect = "only the transfer coding 'chunked' is understood";
    }
  } else if (length) {
    raw.length = parse_length(*length);
    if (!raw.length) raw.defect = "Content-Length is not a plain decimal number";
  }
  return raw;
}

// ---- request parts ---------------------------------------------------------------------------

template <class List>
bool contains(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

Result<void> check_request_field(const Field& field, std::string_view lower_name,
                                 const RequestRules& rules) {
  if (field.name.empty()) return bad("a field has an empty name", problem_code::kBadField);
  if (field.name.size() > rules.limits.name_bytes) {
    return Failure{Code::HeadTooLarge, "a field's name is longer than " +
                                           std::to_string(rules.limits.name_bytes) + " bytes"};
  }
  const bool plain = std::all_of(field.name.begin(), field.name.end(),
                                 [](char c) { return is_alnum(c) || c == '-'; });
  if (!plain && !(is_token(field.name) && contains(rules.extra_names, lower_name))) {
    return bad("a field's name has other than letters, digits and hyphens", problem_code::kBadField,
               "Names with an underscore or other marks are read in more than one way; rename the "
               "field.");
  }
  if (!is_field_value(field.value)) {
    return bad("a field's value has a control byte", problem_code::kBadField);
  }
  return {};
}

bool needs_encoding(char c) { return c == '{' || c == '}' || c == '|' || c == '^' || c == '`'; }

Result<std::string> canonical_path(std::string_view path, const HeadLimits& limits) {
  std::size_t encoded = 0;
  for (const char c : path) {
    if (c < 0x21 || c > 0x7e || c == '\\' || c == '"' || c == '<' || c == '>') {
      return bad("the request's target has a byte that must be percent-encoded",
                 problem_code::kBadTarget,
                 "Percent-encode spaces, quotes, backslashes, angle brackets and non-ASCII bytes.");
    }
    if (c == '#') {
      return bad("the request's target has a fragment", problem_code::kBadTarget,
                 "Leave out what follows '#'; it is never sent to a server.");
    }
    if (needs_encoding(c)) ++encoded;
  }
  if (path.size() + 2 * encoded > limits.start_line_bytes) {
    return Failure{Code::HeadTooLarge, "the request's target is longer than " +
                                           std::to_string(limits.start_line_bytes) + " bytes"};
  }
  std::string out;
  out.reserve(path.size() + 2 * encoded);
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : path) {
    if (!needs_encoding(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

Failure misdirected() {
  return Failure{Code::Misdirected,
                 "the request names another host than the connection it came on"};
}

// Host, :authority and the absolute form against the connection's destination; leaves the path in
// head.target.
Result<void> check_target(RequestHead& head, const RequestContext& context) {
  const Destination& wanted = context.destination;
  const auto default_to = std::optional<std::uint16_t>(default_port(context.scheme));
  const bool h2 = head.version == Version::Http2;
  const auto host_text = head.fields.find("host");
  if (head.fields.count("host") > 1) {
    return bad("there is more than one Host", problem_code::kBadHost);
  }
  std::optional<Destination> host;
  if (host_text) {
    auto parsed = parse_authority(*host_text, default_to);
    if (!parsed) return parsed.error();
    host = std::move(*parsed);
  }

  std::string path = head.target;
  if (h2) {
    if (head.scheme != context.scheme) {
      return bad(":scheme is not the connection's", problem_code::kBadTarget);
    }
    if (head.authority.empty()) return bad(":authority is missing", problem_code::kBadHost);
    auto authority = parse_authority(head.authority, default_to);
    if (!authority) return authority.error();
    if (host && *host != *authority) {
      return bad("host differs from :authority", problem_code::kBadHost);
    }
    if (*authority != wanted) return misdirected();
  } else if (is_absolute_form(head.target)) {
    auto form = parse_absolute_form(head.target);
    if (!form) return form.error();
    if (form->scheme != context.scheme) {
      return bad("the target's scheme is not the connection's", problem_code::kBadTarget);
    }
    if (host && *host != form->destination) {
      return bad("Host differs from the target", problem_code::kBadHost);
    }
    if (form->destination != wanted) return misdirected();
    const bool server_wide = !form->has_path && head.method == "OPTIONS";
    path = server_wide ? std::string("*") : std::move(form->path);
  } else if (host && *host != wanted) {
    return misdirected();
  }
  if (!host && head.version == Version::Http11) {
    return bad("Host is missing", problem_code::kBadHost);
  }

  if (path == "*") {
    if (head.method != "OPTIONS") return bad("'*' is only for OPTIONS", problem_code::kBadTarget);
  } else if (path.empty() || path.front() != '/') {
    return bad("the request's target is not a path", problem_code::kBadTarget);
  }
  auto canonical = canonical_path(path, context.rules.limits);
  if (!canonical) return canonical.error();
  head.target = std::move(*canonical);
  head.scheme = context.scheme;
  head.authority = wanted.authority(context.scheme);
  return {};
}

Result<void> check_h2_request(const RequestHead& head) {
  for (const std::string_view name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    if (head.fields.has(name)) {
      return bad("HTTP/2 has no " + std::string(name) + " field (RFC 9113 section 8.2.2)",
                 problem_code::kBadField);
    }
  }
  const auto te = head.fields.find("te");
  if (te && !iequals(trim_ows(*te), "trailers")) {
    return bad("te is not 'trailers'", problem_code::kBadField);
  }
  return {};
}

Result<void> check_sizes(const Fields& fields, bool h2, const HeadLimits& limits, Code code) {
  if (fields.size() > limits.fields) {
    return Failure{code, "there are more than " + std::to_string(limits.fields) + " fields"};
  }
  if (h2 && fields.list_size() > limits.head_bytes) {
    return Failure{code,
                   "the fields are longer than " + std::to_string(limits.head_bytes) + " bytes"};
  }
  return {};
}

Result<void> check_request_framing(RequestHead& head) {
  auto framing = request_framing(head.version, head.fields);
  if (!framing) return framing.error();
  head.content_length.reset();
  if (framing->kind == BodyFraming::Kind::Length) head.content_length = framing->length;
  if (head.version != Version::Http2) {
    head.has_body = framing->kind != BodyFraming::Kind::None;
    return {};
  }
  if (!head.has_body && head.content_length.value_or(0) > 0) {
    return bad("content-length promises a body that does not come", problem_code::kBadFraming);
  }
  return {};
}

Result<void> check_expect(RequestHead& head) {
  head.expects_continue = false;
  const auto expect = head.fields.find("expect");
  if (!expect) return {};
  if (head.fields.count("expect") > 1 || !iequals(trim_ows(*expect), "100-continue")) {
    return Failure{Code::ExpectationFailed, "the expectation is not 100-continue"};
  }
  // RFC 9110 section 10.1.1: ignored with HTTP/1.0 and without a body.
  head.expects_continue = head.has_body && head.version != Version::Http10;
  return {};
}

// Vets each field, and notes what it is for.
Result<FieldsRead> read_fields(RequestHead& head, const RequestRules& rules) {
  head.takes_trailers = false;
  const LowerNames names(head.fields);
  FieldsRead read;
  read.roles.resize(head.fields.size());
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    const Field field = head.fields[i];
    auto vetted = check_request_field(field, names[i], rules);
    if (!vetted) return vetted.error();
    read.roles[i] = role_of(names[i]);
    if (read.roles[i] == FieldRole::Connection && !read.options.add(field.value)) {
      return bad("Connection lists too many names", problem_code::kBadField);
    }
    if (read.roles[i] == FieldRole::Te && list_has_token(field.value, "trailers")) {
      head.takes_trailers = head.version != Version::Http10;
    }
    if (read.roles[i] == FieldRole::Cookie) {
      ++read.cookies;
      read.cookie_bytes += field.value.size() + 2;
    }
    if (read.roles[i] == FieldRole::Single) {
      for (std::size_t j = 0; j < i; ++j) {
        if (names[j] == names[i]) {
          return bad("the field " + std::string(names[i]) + " is repeated",
                     problem_code::kBadField);
        }
      }
    }
  }
  // It would take them off the request that goes on, after they have told here how to read it.
  if (!read.options
           .one_of({FieldRole::Host, FieldRole::Length, FieldRole::Coding, FieldRole::Expect,
                    FieldRole::Single})
           .empty()) {
    return bad("Connection lists a field that is not of one connection only",
               problem_code::kBadField,
               "RFC 9110 section 7.6.1: leave fields that are meant for the server out of it.");
  }
  return read;
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && all_of_class(text, kTokenByte);
}

bool is_field_value(std::string_view text) noexcept { return all_of_class(text, kTextByte); }

Failure response_too_large(std::string detail) {
  return Failure{
      Code::UpstreamBroken, std::move(detail), problem_code::kResponseHeadTooLarge,
      "The origin's answer has more header fields, or longer ones, than this proxy "
      "takes; asking again does not help. A person can allow up to 1000: by response_fields "
      "in \"limits\" of the manifest, or --limit response_fields=1000."};
}

Result<BodyFraming> request_framing(Version version, const Fields& fields) {
  const RawFraming raw = raw_framing(version, fields);
  if (raw.defect != nullptr) {
    return Failure{raw.unknown_coding ? Code::NotSupported : Code::ClientBad, raw.defect,
                   problem_code::kBadFraming};
  }
  if (raw.chunked) return BodyFraming{BodyFraming::Kind::Chunked, 0};
  if (raw.length) return BodyFraming{BodyFraming::Kind::Length, *raw.length};
  return BodyFraming{};
}

Result<BodyFraming> response_framing(Version version, int status, std::string_view request_method,
                                     const Fields& fields) {
  const RawFraming raw = raw_framing(version, fields);
  if (raw.defect != nullptr) return broken(std::string("response: ") + raw.defect);
  const bool tunnel = request_method == "CONNECT" && status / 100 == 2;
  if (status / 100 == 1 || status == 204 || status == 304 || request_method == "HEAD" || tunnel) {
    return BodyFraming{};
  }
  if (raw.chunked) return BodyFraming{BodyFraming::Kind::Chunked, 0};
  if (raw.length) return BodyFraming{BodyFraming::Kind::Length, *raw.length};
  return BodyFraming{BodyFraming::Kind::UntilClose, 0};
}

Result<void> check_request(RequestHead& head, const RequestContext& context) {
  const RequestRules& rules = context.rules;
  const bool h2 = head.version == Version::Http2;
  if (h2 && !head.protocol.empty()) {
    auto extended = check_extended_connect(head);
    if (!extended) return extended;
  }
  auto method = check_method(head.method, rules.origins, context.destination);
  if (!method) return method;
  auto sizes = check_sizes(head.fields, h2, rules.limits, Code::HeadTooLarge);
  if (!sizes) return sizes;

  const auto read = read_fields(head, rules);
  if (!read) return read.error();
  if (h2) {
    auto allowed = check_h2_request(head);
    if (!allowed) return allowed;
  }
  auto framing = check_request_framing(head);
  if (!framing) return framing;
  auto target = check_target(head, context);
  if (!target) return target;
  if (!h2 && rules.websockets == WebSocketHeads::Tunnel) {
    auto upgrade = check_upgrade(head);
    if (!upgrade) return upgrade;
  }
  auto expect = check_expect(head);
  if (!expect) return expect;

  keep_fields(head.fields, *read, rules.control_fields);
  return {};
}

Result<void> check_response(ResponseHead& head, std::string_view request_method,
                            ControlFields control_fields, const HeadLimits& limits,
                            std::string_view protocol) {
  const bool h2 = head.version == Version::Http2;
  if (head.status < 100 || head.status > 999) return broken("response: the status is not valid");
  const bool tunnel = opens_tunnel(head, protocol);
  if (head.status == 101 && !tunnel)
    return broken("response: a protocol switch that was not asked for");
  if (head.status == 407) return broken("response: the origin asks for proxy credentials");
  auto sizes = check_sizes(head.fields, h2, limits, Code::UpstreamBroken);
  if (!sizes) return response_too_large("response: " + sizes.error().detail);
  ConnectionOptions options;
  for (const Field field : head.fields) {
    if (!is_token(field.name) || field.name.size() > limits.name_bytes) {
      return broken("response: a field's name is not a token or too long");
    }
    if (!is_field_value(field.value)) {
      return broken("response: a field's value has a control byte");
    }
    if (iequals(field.name, "connection") && !options.add(field.value)) {
      return broken("response: Connection lists too many names");
    }
  }
  // Some servers list Transfer-Encoding, which is of one connection only.
  if (!options.one_of({FieldRole::Single}).empty()) {
    return broken("response: Connection lists a field that is not of one connection only");
  }

  auto framing = response_framing(head.version, head.status, request_method, head.fields);
  if (!framing) return framing.error();
  const auto declared = head.fields.find("content-length");
  const bool may_declare = head.status / 100 != 1 && head.status != 204;
  head.content_length = declared && may_declare ? parse_length(*declared) : std::nullopt;
  if (tunnel) {
    if (h2 && !head.has_body) return broken("response: the tunnel ends with its head");
    head.status = 101;
    head.reason.clear();
    head.content_length.reset();
    head.has_body = true;
  } else if (h2) {
    // The engine knows whether the stream ended with the head; a body can only be ruled out here.
    head.has_body = head.has_body && framing->kind != BodyFraming::Kind::None;
  } else {
    head.has_body = framing->kind != BodyFraming::Kind::None;
  }

  const LowerNames names(head.fields);
  head.fields.keep_trimmed([&](std::size_t i, const Field& field) {
    const FieldRole role = role_of(names[i]);
    const bool keeps = role == FieldRole::Keep || role == FieldRole::Single ||
                       role == FieldRole::Cookie || role == FieldRole::Signature ||
                       (role == FieldRole::Control && control_fields == ControlFields::Keep);
    return keeps && !options.lists(field.name);
  });
  return {};
}

void strip_control_fields(Fields& fields) {
  fields.remove_if([](const Field& field) {
    return std::any_of(kControlFieldPrefixes.begin(), kControlFieldPrefixes.end(),
                       [&field](std::string_view prefix) {
                         return iequals(field.name.substr(0, prefix.size()), prefix);
                       });
  });
}

}  // namespace bottle
