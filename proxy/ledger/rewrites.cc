#include "proxy/ledger/rewrites.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "proxy/contract/hex_digit.h"
#include "proxy/http/framing_rules.h"
#include "proxy/ledger/ticket.h"

namespace bottle {
namespace {

constexpr std::string_view kGoUserAgent = "Go-http-client/1.1";

// ---- fields -----------------------------------------------------------------------------------

struct LowerField {
  std::string name;
  std::size_t place = 0;
  std::string_view value;
};

// By name; fields of one name stay in their order.
std::vector<LowerField> sorted(const Fields& fields) {
  std::vector<LowerField> out;
  out.reserve(fields.size());
  for (const Field field : fields) {
    out.push_back({to_lower(field.name), out.size(), trim_ows(field.value)});
  }
  std::sort(out.begin(), out.end(), [](const LowerField& a, const LowerField& b) {
    return std::tie(a.name, a.place) < std::tie(b.name, b.place);
  });
  return out;
}

struct SameName {
  std::string_view name;
  std::vector<std::string_view> before;
  std::vector<std::string_view> after;
};

// Calls `differs(same)` for each name whose values are not the same ones in the same order; ends
// with the first name for which it says true.
template <class Differs>
std::optional<std::string> first_difference(const Fields& before, const Fields& after,
                                            Differs differs) {
  const std::vector<LowerField> left = sorted(before);
  const std::vector<LowerField> right = sorted(after);
  std::size_t l = 0;
  std::size_t r = 0;
  while (l < left.size() || r < right.size()) {
    SameName same;
    if (r == right.size()) {
      same.name = left[l].name;
    } else if (l == left.size()) {
      same.name = right[r].name;
    } else {
      same.name = std::min<std::string_view>(left[l].name, right[r].name);
    }
    while (l < left.size() && left[l].name == same.name) same.before.push_back(left[l++].value);
    while (r < right.size() && right[r].name == same.name) same.after.push_back(right[r++].value);
    if (same.before != same.after && differs(same)) return "field " + std::string(same.name);
  }
  return std::nullopt;
}

// Go's net/http, of requests and responses alike: for the sake of HTTP/1.0 a first "Pragma:
// no-cache" brings a Cache-Control where there is none.
bool is_pragmas_cache_control(const SameName& same, const Fields& before) {
  return same.name == "cache-control" && same.before.empty() && same.after.size() == 1 &&
         same.after.front() == "no-cache" && before.find("pragma") == "no-cache";
}

// The scanner takes these off a request (docs/pipelock.md, section 5). The front takes most of them
// off before: the fields that would name the client, and those of one connection.
bool is_stripped(std::string_view name) {
  constexpr auto kStripped = std::to_array<std::string_view>(
      {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
       "transfer-encoding", "upgrade", "x-pipelock-agent", "x-forwarded-for", "x-forwarded-host",
       "x-forwarded-proto", "x-forwarded-port", "x-real-ip", "forwarded", "via",
       "pipelock-mediation"});
  return std::find(kStripped.begin(), kStripped.end(), name) != kStripped.end();
}

bool request_field_differs(const SameName& same, const Fields& before) {
  if (same.after.empty()) {
    // An empty one is how the front asks for none.
    const bool no_agent =
        same.name == "user-agent" && same.before.size() == 1 && same.before.front().empty();
    return !no_agent && !is_stripped(same.name);
  }
  if (is_pragmas_cache_control(same, before)) return false;
  return !(same.name == "user-agent" && same.before.empty() && same.after.size() == 1 &&
           same.after.front() == kGoUserAgent);
}

// ---- the query, as Go's net/url reads and writes it
// ----------------------------------------------

// QueryUnescape; nothing where it fails.
std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const std::uint8_t high = hex_digit(text[i + 1]);
    const std::uint8_t low = hex_digit(text[i + 2]);
    if (high == kNoDigit || low == kNoDigit) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

// QueryEscape.
void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

struct Parameter {
  std::string key;
  std::size_t place = 0;
  std::string value;
};

// The target as the scanner writes it when the query has a parameter "agent": without it, decoded,
// sorted by key and encoded anew; what Go cannot decode is lost. Nothing if it has none, when the
// target stays as it is.
std::optional<std::string> without_agent(std::string_view target) {
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return std::nullopt;
  std::string_view query = target.substr(question + 1);
  std::vector<Parameter> pairs;
  bool had_agent = false;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty() || pair.find(';') != std::string_view::npos) continue;
    const std::size_t equals = pair.find('=');
    auto key = unescaped(pair.substr(0, equals));
    auto value =
        unescaped(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!key || !value) continue;
    if (*key == "agent") {
      had_agent = true;
    } else {
      pairs.push_back({std::move(*key), pairs.size(), std::move(*value)});
    }
  }
  if (!had_agent) return std::nullopt;
  std::sort(pairs.begin(), pairs.end(), [](const Parameter& a, const Parameter& b) {
    return std::tie(a.key, a.place) < std::tie(b.key, b.place);
  });
  std::string out(target.substr(0, question));
  char mark = '?';
  for (const Parameter& pair : pairs) {
    out += std::exchange(mark, '&');
    append_escaped(out, pair.key);
    out += '=';
    append_escaped(out, pair.value);
  }
  return out;
}

// Where two targets that are not the same differ; nothing if the scanner's rewriting explains it.
std::optional<std::string> target_difference(const RequestHead& admitted,
                                             std::string_view relayed) {
  const std::string_view target = admitted.target;
  if (relayed == target) return std::nullopt;
  // "OPTIONS *" travels as a URL without a path; Go writes the root for that.
  if (admitted.method == "OPTIONS" && target == "*" && relayed == "/") return std::nullopt;
  const std::optional<std::string> rewritten = without_agent(target);
  if (rewritten && relayed == *rewritten) return std::nullopt;
  if (relayed.substr(0, relayed.find('?')) != target.substr(0, target.find('?'))) return "path";
  return "query";
}

// ---- responses ---------------------------------------------------------------------------------

bool response_field_differs(const SameName& same, const ResponseHead& given) {
  if (same.name == "content-length") return false;
  const bool added = same.before.empty() && same.after.size() == 1;
  if (added && (same.name == "date" || same.name == "content-type")) return false;
  // Go's server leaves it out of a 304.
  if (same.name == "content-type" && given.status == 304 && same.after.empty()) return false;
  return !is_pragmas_cache_control(same, given.fields);
}

bool is_followed(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

std::optional<std::string> request_difference(const RequestHead& admitted,
                                              const RequestHead& relayed) {
  if (relayed.method != admitted.method) return "method";
  if (relayed.scheme != admitted.scheme) return "scheme";
  if (relayed.authority != admitted.authority) return "host";
  auto target = target_difference(admitted, relayed.target);
  if (target) return target;
  return first_difference(admitted.fields, relayed.fields, [&](const SameName& same) {
    return request_field_differs(same, admitted.fields);
  });
}

std::optional<std::string> response_difference(const ResponseHead& given,
                                               const ResponseHead& relayed) {
  if (relayed.status != given.status) return "status";
  return first_difference(given.fields, relayed.fields, [&](const SameName& same) {
    return response_field_differs(same, given);
  });
}

ResponseHead shown_to_scanner(const ResponseHead& origin, const std::string& id, bool bypass_body) {
  ResponseHead shown = origin;
  strip_control_fields(shown.fields);
  shown.version = Version::Http11;
  shown.keep_alive = true;
  if (is_followed(origin.status) && origin.fields.has("location")) {
    shown.status = 200;
    shown.reason.clear();
    shown.fields.add(kOriginStatusField, std::to_string(origin.status));
  }
  // It refuses what it cannot decode, and here is nothing to decode.
  if (bypass_body || !origin.has_body) shown.fields.remove("content-encoding");
  if (bypass_body && origin.has_body) {
    shown.has_body = false;
    shown.content_length.reset();
  }
  shown.fields.add(kExchangeField, id);
  return shown;
}

}  // namespace bottle
