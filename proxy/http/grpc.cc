#include "proxy/http/grpc.h"

#include <string>

namespace bottle {
namespace {

constexpr std::size_t kMaxPart = 512;  // of detail and hint, as in a problem document

// gRPC's own percent-encoding of a message: all but printable ASCII, and the percent sign.
void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text.substr(0, kMaxPart)) {
    if (c >= 0x20 && c <= 0x7e && c != '%') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  if (text.size() > kMaxPart) out += "...";
}

std::string message(const Failure& failure, std::string_view request_id, std::string_view host) {
  const std::string_view hint =
      failure.hint.empty() ? traits(failure.code).hint : std::string_view(failure.hint);
  std::string out;
  append_encoded(out, problem_title(failure, host));
  if (!failure.detail.empty()) {
    out += ": ";
    append_encoded(out, failure.detail);
  }
  if (!hint.empty()) {
    out += ". ";
    append_encoded(out, hint);
  }
  out += " (";
  append_encoded(out, problem_word(failure));
  out += ", request ";
  append_encoded(out, request_id);
  out += ')';
  return out;
}

void add_failure(Fields& fields, const Failure& failure, std::string_view request_id,
                 std::string_view host) {
  const FailureTraits& row = traits(failure.code);
  fields.add("grpc-status", std::to_string(static_cast<int>(row.grpc)));
  fields.add("grpc-message", message(failure, request_id, host));
  if (row.level == LogLevel::Audit) fields.add("X-Bottle-Deny", problem_word(failure));
}

}  // namespace

bool is_grpc(const Fields& fields) {
  const auto type = fields.find("content-type");
  if (!type) return false;
  const std::string media = to_lower(trim_ows(type->substr(0, type->find(';'))));
  return media == "application/grpc" || media.starts_with("application/grpc+");
}

bool is_grpc_call(const RequestHead& head) {
  return head.version == Version::Http2 && head.method == "POST" && is_grpc(head.fields);
}

LocalAnswer grpc_refusal(const Failure& failure, std::string_view request_id,
                         std::string_view host) {
  LocalAnswer answer;
  answer.head.status = 200;
  answer.head.fields.add("Content-Type", "application/grpc");
  add_failure(answer.head.fields, failure, request_id, host);
  answer.head.has_body = false;
  return answer;
}

Fields grpc_failure_trailers(const Failure& failure, std::string_view request_id,
                             std::string_view host) {
  Fields trailers;
  add_failure(trailers, failure, request_id, host);
  return trailers;
}

}  // namespace bottle
