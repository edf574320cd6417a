// Fields behind a body: what may come of a request's, and what goes on of a response's.
#include <algorithm>
#include <string>

#include "proxy/contract/problem_codes.h"
#include "proxy/http/field_roles.h"
#include "proxy/http/framing_rules.h"

namespace bottle {
namespace {

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
}

}  // namespace

Result<void> check_request_trailers(const Fields& trailers, const HeadLimits& limits) {
  const auto bad = [](const char* what) {
    return Failure{Code::ClientBad, what, problem_code::kBadTrailer};
  };
  if (trailers.size() > limits.trailer_fields || trailers.list_size() > limits.trailer_bytes) {
    return Failure{Code::HeadTooLarge, "the trailers are too large"};
  }
  for (const Field field : trailers) {
    // As in the head: other names are read in more than one way.
    if (field.name.empty() || !std::all_of(field.name.begin(), field.name.end(), is_plain) ||
        field.name.size() > limits.name_bytes || !is_field_value(field.value)) {
      return bad("a trailer field is malformed");
    }
    const std::string name = to_lower(field.name);
    const FieldRole role = role_of(name);
    const bool misplaced =
        role == FieldRole::Host || role == FieldRole::Length || role == FieldRole::Coding ||
        role == FieldRole::Connection || role == FieldRole::Expect || role == FieldRole::Te ||
        role == FieldRole::Hop || role == FieldRole::Trailer || role == FieldRole::Cookie ||
        role == FieldRole::Control || name == "authorization";
    if (misplaced) {
      return bad("a trailer carries a field that belongs into the head (RFC 9110 section 6.5.1)");
    }
  }
  return {};
}

Result<void> check_response_trailers(Fields& trailers, const HeadLimits& limits) {
  const auto broken = [](const char* what) { return Failure{Code::UpstreamBroken, what}; };
  if (trailers.size() > limits.trailer_fields || trailers.list_size() > limits.trailer_bytes) {
    return broken("response: the trailers are too large");
  }
  for (const Field field : trailers) {
    if (!is_token(field.name) || field.name.size() > limits.name_bytes ||
        !is_field_value(field.value)) {
      return broken("response: a trailer field is malformed");
    }
  }
  trailers.remove_if([](const Field& field) { return !may_be_trailer(to_lower(field.name)); });
  return {};
}

}  // namespace bottle
