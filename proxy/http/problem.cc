#include "proxy/http/problem.h"

#include <algorithm>

#include "proxy/http/h1_writer.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxWord = 64;

void member(Bytes& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text, kMaxProblemText);
}

}  // namespace

void append_json_string(Bytes& out, std::string_view text, std::size_t max) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const bool cut = text.size() > max;
  out.push_back('"');
  for (const char c : text.substr(0, max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte >= 0x7f) {
      out.append("\\ufffd");
    } else if (byte < 0x20 || c == '<' || c == '>' || c == '&') {
      // Markup too: a client that takes the body for HTML must not find any.
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  if (cut) out.append("...");
  out.push_back('"');
}

// The word stands in a header and in a URN, so it has to look like one.
std::string_view problem_word(const Failure& failure) {
  const std::string_view own = word(failure);
  const bool plain =
      own.size() <= kMaxWord && std::all_of(own.begin(), own.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
      });
  return plain ? own : traits(failure.code).word;
}

std::string problem_title(const Failure& failure, std::string_view host) {
  std::string title(traits(failure.code).title);
  if (!host.empty()) title.append(": ").append(host);
  return title;
}

LocalAnswer problem_answer(const Failure& failure, std::string_view request_id,
                           std::string_view host, int status) {
  const FailureTraits& row = traits(failure.code);
  if (status == 0) status = row.status == 0 ? 500 : row.status;
  const std::string_view code = problem_word(failure);

  LocalAnswer answer;
  Bytes& body = answer.body;
  body.append("{\"type\":\"urn:bottle:problem:").append(code).append("\"");
  member(body, "title", problem_title(failure, host));
  body.append(",\"status\":").append(std::to_string(status));
  // Some clients show the first 200 characters; `type` has the code.
  member(body, "hint", failure.hint.empty() ? row.hint : std::string_view(failure.hint));
  member(body, "detail", failure.detail);
  member(body, "code", code);
  member(body, "request_id", request_id.substr(0, kMaxWord));
  body.append("}\n");

  ResponseHead& head = answer.head;
  head.status = status;
  // Many HTTP/1.1 clients show nothing of a refusal but this.
  head.reason = reason_phrase(status);
  if (row.level == LogLevel::Audit) head.reason.append(" (").append(code).append(")");
  head.fields.add("Content-Type", "application/problem+json");
  head.fields.add("X-Content-Type-Options", "nosniff");
  head.fields.add("Cache-Control", "no-store");
  if (row.level == LogLevel::Audit) head.fields.add("X-Bottle-Deny", code);
  // RFC 9110 section 11.7.1: a 407 says which credentials it wants.
  if (failure.code == Code::ProxyAuth) {
    head.fields.add("Proxy-Authenticate", "Basic realm=\"bottle\"");
  }
  // RFC 9110 section 15.5.22: 426 names what the client may use instead. That is what this
  // connection speaks already: a client that asks for it gets it, and one that asked for WebSocket
  // sees that there is none.
  if (failure.code == Code::UpgradeRefused) head.fields.add("Upgrade", "HTTP/1.1");
  if (failure.code == Code::Overloaded || failure.code == Code::ShuttingDown) {
    head.fields.add("Retry-After", "5");
  }
  head.has_body = true;
  head.content_length = body.size();
  head.keep_alive = !row.closes;
  return answer;
}

}  // namespace bottle
